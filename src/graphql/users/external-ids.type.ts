import { createUnionType, Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import {
  expectedVersionDescription,
  idempotencyKeyDescription,
  userIdDescription,
} from './input-descriptions';
import { UserType, WithUser } from './user.type';
import {
  ExternalIdTakenErrorType,
  IdempotencyConflictErrorType,
  InvalidInputErrorType,
  UserNotFoundErrorType,
  VersionConflictErrorType,
} from './user-errors.type';

const systemDescription =
  'Name of the other system: 1 to 50 lower-case letters, digits and hyphens, not beginning with a hyphen.';
const idDescription =
  'ID of the user in that system, 1 to 200 characters. Not trimmed, and compared exactly. Blank IDs and control characters are invalid.';

@InputType('ExternalIdInput', { description: 'The ID of a new user in another system.' })
export class ExternalIdInput {
  @Field(() => String, { description: systemDescription })
  system: string;

  @Field(() => String, { description: idDescription })
  id: string;
}

@InputType({ description: 'Input of `setExternalId`.' })
export class SetExternalIdInput {
  @Field(() => ID, { description: userIdDescription })
  userId: string;

  @Field(() => String, { description: systemDescription })
  system: string;

  @Field(() => String, { description: idDescription })
  id: string;

  @Field(() => Int, { nullable: true, description: expectedVersionDescription })
  expectedVersion?: number | null;

  @Field(() => String, { nullable: true, description: idempotencyKeyDescription })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Input of `removeExternalId`.' })
export class RemoveExternalIdInput {
  @Field(() => ID, { description: userIdDescription })
  userId: string;

  @Field(() => String, { description: systemDescription })
  system: string;

  @Field(() => Int, { nullable: true, description: expectedVersionDescription })
  expectedVersion?: number | null;

  @Field(() => String, { nullable: true, description: idempotencyKeyDescription })
  idempotencyKey?: string | null;
}

@ObjectType({
  simpleResolvers: true,
  description:
    'Returned when the user has this ID in the system. Also returned, without a change, if it had it before.',
})
export class SetExternalIdSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user after the change.' })
  override user: UserType;
}

@ObjectType({
  simpleResolvers: true,
  description:
    'Returned when the user has no ID in the system. Also returned, without a change, if it had none before.',
})
export class RemoveExternalIdSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user after the change.' })
  override user: UserType;
}

export const SetExternalIdResult = createUnionType({
  name: 'SetExternalIdResult',
  description: 'Result of `setExternalId`.',
  types: () =>
    [
      SetExternalIdSuccess,
      UserNotFoundErrorType,
      ExternalIdTakenErrorType,
      InvalidInputErrorType,
      VersionConflictErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const RemoveExternalIdResult = createUnionType({
  name: 'RemoveExternalIdResult',
  description: 'Result of `removeExternalId`.',
  types: () =>
    [
      RemoveExternalIdSuccess,
      UserNotFoundErrorType,
      InvalidInputErrorType,
      VersionConflictErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});
