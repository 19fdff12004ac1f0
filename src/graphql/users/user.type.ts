import { Directive, Field, ID, Int, ObjectType } from 'type-graphql';
import { DateTime } from '../../subgraph/scalars';
import type {
  DeactivationReason as DeactivationReasonValue,
  VerificationStatus as Status,
  User,
} from '../../users/user.entity';
import { EmailPreferencesType, toEmailPreferencesType } from './email-preferences.type';
import { OptionalProfileType, withOptionalProfile } from './optional-profile.type';
import { DeactivationReason, UserStatus, VerificationStatus } from './user-enums.type';

@ObjectType('Verification', {
  simpleResolvers: true,
  description: 'Verification of an e-mail address or phone number.',
})
export class VerificationType {
  @Field(() => VerificationStatus, { description: 'Status of the verification.' })
  status: Status;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Time of the verification, or null if not verified.',
  })
  verifiedAt: Date | null;
}

@ObjectType('ExternalId', { simpleResolvers: true, description: 'The ID of a user in another system.' })
export class ExternalIdType {
  @Field(() => String, { description: 'Name of the other system, such as `crm`.' })
  system: string;

  @Field(() => String, { description: 'ID of the user in that system.' })
  id: string;
}

/** The GraphQL type of a user. Other resolvers add further fields, such as `history`. */
@ObjectType('User', {
  simpleResolvers: true,
  description:
    'A customer. The fields `id`, `displayName` and `status` are public. All other fields require the `users:read` scope or the access token of the user, and are null otherwise.',
})
@Directive('@key(fields: "id")')
export class UserType extends OptionalProfileType {
  @Field(() => ID, { description: 'Unique identifier, a UUID. Never changes.' })
  id: string;

  @Field(() => UserStatus, { description: 'Status of the account.' })
  status: UserStatus;

  @Field(() => String, {
    nullable: true,
    description: 'Username, unique regardless of case. Defaults to the e-mail address.',
  })
  username: string | null;

  @Field(() => String, { nullable: true, description: 'E-mail address, unique among users.' })
  email: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'New e-mail address that is not confirmed yet, or null.',
  })
  pendingEmail: string | null;

  @Field(() => String, { nullable: true, description: 'First name.' })
  firstName: string | null;

  @Field(() => String, { nullable: true, description: 'Last name.' })
  lastName: string | null;

  @Field(() => VerificationType, { nullable: true, description: 'Verification of `email`.' })
  emailVerification: VerificationType | null;

  @Field(() => VerificationType, { nullable: true, description: 'Verification of `phoneNumber`.' })
  phoneVerification: VerificationType | null;

  @Field(() => [ExternalIdType], {
    nullable: true,
    description: 'IDs of the user in other systems, ordered by system.',
  })
  externalIds: readonly ExternalIdType[] | null;

  @Field(() => EmailPreferencesType, { nullable: true, description: 'E-mail preferences of the user.' })
  emailPreferences: EmailPreferencesType | null;

  @Field(() => DeactivationReason, {
    nullable: true,
    description: 'Reason for the deactivation, or null if the account is not deactivated.',
  })
  statusReason: DeactivationReasonValue | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Internal notes of the last status change. Requires the `users:read` scope, also for the user.',
  })
  statusNotes: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Time of the last status change.',
  })
  statusChangedAt: Date | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Number of changes to profile, status, preferences and verification. Pass it as `expectedVersion` to detect conflicts.',
  })
  version: number | null;

  @Field(() => DateTime, { nullable: true, description: 'Time of creation.' })
  createdAt: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Time of the last change.' })
  updatedAt: Date | null;
}

/** A result with a user. */
export abstract class WithUser {
  user: UserType;
}

/** Returns the GraphQL type of a user. */
export function toUserType(user: User): UserType {
  return withOptionalProfile(
    {
      id: user.id,
      status: user.status,
      username: user.username,
      email: user.email,
      pendingEmail: user.pendingEmail,
      firstName: user.firstName,
      lastName: user.lastName,
      emailVerification: { status: user.emailVerification, verifiedAt: user.emailVerifiedAt },
      phoneVerification: { status: user.phoneVerification, verifiedAt: user.phoneVerifiedAt },
      externalIds: user.externalIds ?? [],
      emailPreferences: toEmailPreferencesType(user),
      statusReason: user.statusReason,
      statusNotes: user.statusNotes,
      statusChangedAt: user.statusChangedAt,
      version: user.version,
      createdAt: user.createdAt,
      updatedAt: user.updatedAt,
    },
    user,
  );
}

/** Returns the GraphQL type of an unknown or erased user. Callers cannot tell the two apart. */
export function unknownUser(id: string): UserType {
  return Object.assign(new UserType(), { id, status: UserStatus.UNKNOWN });
}
