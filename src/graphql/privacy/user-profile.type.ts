import { Field, Int, ObjectType } from 'type-graphql';
import type { PastProfile } from '../../users/past-profiles';
import type { DeactivationReason as DeactivationReasonValue } from '../../users/user.entity';
import { OptionalProfileType, withOptionalProfile } from '../users/optional-profile.type';
import { VerificationType } from '../users/user.type';
import { DeactivationReason, UserStatus } from '../users/user-enums.type';

@ObjectType('UserProfile', {
  simpleResolvers: true,
  description: 'The profile of a user at an earlier time, rebuilt from the audit trail.',
})
export class UserProfileType extends OptionalProfileType {
  @Field(() => String, { description: 'Username.' })
  username: string;

  @Field(() => String, { description: 'E-mail address.' })
  email: string;

  @Field(() => String, { description: 'First name.' })
  firstName: string;

  @Field(() => String, { description: 'Last name.' })
  lastName: string;

  @Field(() => UserStatus, { description: 'Status of the account.' })
  status: UserStatus;

  @Field(() => DeactivationReason, {
    nullable: true,
    description: 'Reason for the deactivation, or null if the account was not deactivated.',
  })
  statusReason: DeactivationReasonValue | null;

  @Field(() => Int, { description: 'Number of changes to profile, status, preferences and verification.' })
  version: number;

  @Field(() => VerificationType, { description: 'Verification of `email`.' })
  emailVerification: VerificationType;

  @Field(() => VerificationType, { description: 'Verification of `phoneNumber`.' })
  phoneVerification: VerificationType;
}

/** Returns the GraphQL type of a past profile. */
export function toUserProfileType(profile: PastProfile): UserProfileType {
  const verification = (status: VerificationType['status'], verifiedAt: string | null) => ({
    status,
    verifiedAt: verifiedAt === null ? null : new Date(verifiedAt),
  });
  const type = Object.assign(new UserProfileType(), {
    username: profile.username,
    email: profile.email,
    firstName: profile.firstName,
    lastName: profile.lastName,
    status: profile.status,
    statusReason: profile.statusReason,
    version: profile.version,
    emailVerification: verification(profile.emailVerification, profile.emailVerifiedAt),
    phoneVerification: verification(profile.phoneVerification, profile.phoneVerifiedAt),
  } satisfies Omit<UserProfileType, keyof OptionalProfileType>);
  return withOptionalProfile(type, profile);
}
