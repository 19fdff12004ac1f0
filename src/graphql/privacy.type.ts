import { createUnionType, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { ErasureReport } from '../privacy/erasures';
import { DateTime, Json } from '../subgraph/scalars';
import { UserType } from './user.type';
import {
  IdempotencyConflictErrorType,
  InvalidInputErrorType,
  LegalHoldErrorType,
  UserNotFoundErrorType,
} from './user-errors.type';

export const ErasureStatus = { PLANNED: 'PLANNED', RUNNING: 'RUNNING', COMPLETED: 'COMPLETED' } as const;

registerEnumType(ErasureStatus, {
  name: 'ErasureStatus',
  description: 'How far an erasure has come.',
  valuesConfig: {
    PLANNED: { description: 'A dry run: nothing was changed.' },
    RUNNING: { description: 'The user is unknown already; records are still being removed.' },
    COMPLETED: { description: 'Nothing is left.' },
  },
});

@ObjectType({ description: 'What an erasure removes, or has removed so far, from one store.' })
export class ErasureEffect {
  @Field(() => String, { description: 'A table, or `cache`.' })
  store: string;

  @Field(() => Int, { description: 'How many records.' })
  records: number;
}

@ObjectType('Erasure', { description: 'The erasure of a user: an entry of the ledger, or a plan.' })
export class ErasureType {
  @Field(() => ID, { description: 'For `erasure`; that of a plan is known nowhere.' })
  id: string;

  @Field(() => ID, { description: 'Whose data.' })
  userId: string;

  @Field(() => ErasureStatus, { description: 'How far it has come.' })
  status: ErasureReport['status'];

  @Field(() => DateTime, { description: 'When it was asked for.' })
  requestedAt: Date;

  @Field(() => DateTime, { nullable: true, description: 'When nothing was left.' })
  completedAt: Date | null;

  @Field(() => [ErasureEffect], {
    description: 'What is removed, by store; stores with nothing are left out.',
  })
  effects: ErasureEffect[];
}

/** The face of an erasure. */
export function toErasureType(erasure: ErasureReport): ErasureType {
  const { id, userId, status, requestedAt, completedAt, effects } = erasure;
  return Object.assign(new ErasureType(), {
    id,
    userId,
    status,
    requestedAt,
    completedAt,
    effects: Object.entries(effects)
      .map(([store, records]) => ({ store, records }))
      .sort((one, other) => (one.store < other.store ? -1 : 1)),
  } satisfies ErasureType);
}

@ObjectType({ description: 'Everything that is stored about a user.' })
export class UserDataExport {
  @Field(() => DateTime, { description: 'The moment it tells of.' })
  generatedAt: Date;

  @Field(() => Json, {
    description: 'Profile, history, consents, accesses, recipients; see docs/privacy.md.',
  })
  document: unknown;
}

@ObjectType({ description: 'The data were exported.' })
export class ExportUserDataSuccess {
  @Field(() => UserDataExport, { description: 'The data.' })
  export: UserDataExport;
}

@ObjectType({ description: 'The user is erased, or would be.' })
export class EraseUserSuccess {
  @Field(() => ErasureType, { description: 'The erasure.' })
  erasure: ErasureType;
}

@ObjectType({ description: 'The user is under a legal hold.' })
export class PlaceLegalHoldSuccess {
  @Field(() => UserType, { description: 'The user.' })
  user: UserType;
}

@ObjectType({ description: 'The user is under no legal hold.' })
export class ReleaseLegalHoldSuccess {
  @Field(() => UserType, { description: 'The user.' })
  user: UserType;
}

export const ExportUserDataResult = createUnionType({
  name: 'ExportUserDataResult',
  description: 'What exportUserData answers.',
  types: () => [ExportUserDataSuccess, UserNotFoundErrorType, IdempotencyConflictErrorType] as const,
});

export const EraseUserResult = createUnionType({
  name: 'EraseUserResult',
  description: 'What eraseUser answers.',
  types: () =>
    [
      EraseUserSuccess,
      UserNotFoundErrorType,
      LegalHoldErrorType,
      InvalidInputErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const PlaceLegalHoldResult = createUnionType({
  name: 'PlaceLegalHoldResult',
  description: 'What placeLegalHold answers.',
  types: () =>
    [
      PlaceLegalHoldSuccess,
      UserNotFoundErrorType,
      InvalidInputErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const ReleaseLegalHoldResult = createUnionType({
  name: 'ReleaseLegalHoldResult',
  description: 'What releaseLegalHold answers.',
  types: () =>
    [
      ReleaseLegalHoldSuccess,
      UserNotFoundErrorType,
      InvalidInputErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});
