import { Field, ID, InputType, Int } from 'type-graphql';
import type { DeactivationReason as DeactivationReasonValue } from '../users/user.entity';
import { DeactivationReason } from './user-enums.type';

const idempotencyKey =
  'Unique key of the call, at most 200 characters. A repeated call with the same key and input has no further effect and returns the same result.';
const expectedVersion =
  'Version that the user must have. If it has another version, the call returns `VersionConflictError`.';
const userId = 'ID of the user.';

@InputType({ description: 'A postal address. Omitted fields are empty.' })
export class AddressInput {
  @Field(() => String, { nullable: true, description: 'Street and house number, at most 100 characters.' })
  street?: string | null;

  @Field(() => String, { nullable: true, description: 'City or town, at most 50 characters.' })
  city?: string | null;

  @Field(() => String, { nullable: true, description: 'State, province or region, at most 50 characters.' })
  state?: string | null;

  @Field(() => String, { nullable: true, description: 'Postal code, at most 20 characters.' })
  postalCode?: string | null;

  @Field(() => String, { nullable: true, description: 'Country, at most 50 characters.' })
  country?: string | null;
}

@InputType({ description: 'Input of `createUser`. Texts are trimmed, and blank texts count as missing.' })
export class CreateUserInput {
  @Field(() => String, {
    description:
      'E-mail address, at most 254 characters. Must be unique after trimming, NFKC normalisation and lower-casing.',
  })
  email: string;

  @Field(() => String, { description: 'First name, 1 to 50 characters.' })
  firstName: string;

  @Field(() => String, { description: 'Last name, 1 to 50 characters.' })
  lastName: string;

  @Field(() => ID, {
    nullable: true,
    description: 'ID of the new user, a UUID. Defaults to a generated UUID.',
  })
  userId?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Username, 3 to 100 characters. Must be unique regardless of case. Defaults to the e-mail address.',
  })
  username?: string | null;

  @Field(() => String, { nullable: true, description: 'Public display name, 1 to 50 characters.' })
  displayName?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Phone number in E.164 format. The plus sign is optional.',
  })
  phoneNumber?: string | null;

  @Field(() => AddressInput, { nullable: true, description: 'Postal address.' })
  address?: AddressInput | null;

  @Field(() => String, { nullable: true, description: 'BCP 47 language tag, such as `en-GB`.' })
  locale?: string | null;

  @Field(() => String, { nullable: true, description: 'IANA time zone name, such as `Europe/Berlin`.' })
  timeZone?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Password, at least 8 characters. Passed to the AuthenticationService and not stored by this service.',
  })
  password?: string | null;

  @Field(() => String, { nullable: true, description: idempotencyKey })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Input of `updateUser`. Omitted fields are unchanged, and null clears a field.' })
export class UpdateUserInput {
  @Field(() => ID, { description: userId })
  userId: string;

  @Field(() => String, {
    nullable: true,
    description: 'New e-mail address, stored as `pendingEmail` until it is confirmed. Cannot be cleared.',
  })
  email?: string | null;

  @Field(() => String, { nullable: true, description: 'First name, 1 to 50 characters. Cannot be cleared.' })
  firstName?: string | null;

  @Field(() => String, { nullable: true, description: 'Last name, 1 to 50 characters. Cannot be cleared.' })
  lastName?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Username, 3 to 100 characters. Must be unique regardless of case. Cannot be cleared.',
  })
  username?: string | null;

  @Field(() => String, { nullable: true, description: 'Public display name, 1 to 50 characters.' })
  displayName?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Phone number in E.164 format. The plus sign is optional.',
  })
  phoneNumber?: string | null;

  @Field(() => AddressInput, { nullable: true, description: 'Postal address. Replaces the whole address.' })
  address?: AddressInput | null;

  @Field(() => String, { nullable: true, description: 'BCP 47 language tag, such as `en-GB`.' })
  locale?: string | null;

  @Field(() => String, { nullable: true, description: 'IANA time zone name, such as `Europe/Berlin`.' })
  timeZone?: string | null;

  @Field(() => Int, { nullable: true, description: expectedVersion })
  expectedVersion?: number | null;

  @Field(() => String, { nullable: true, description: idempotencyKey })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Input of `deactivateUser`.' })
export class DeactivateUserInput {
  @Field(() => ID, { description: userId })
  userId: string;

  @Field(() => DeactivationReason, {
    nullable: true,
    description:
      'Reason for the deactivation. Defaults to `USER_REQUESTED` for users who deactivate themselves, and to `ADMINISTRATIVE_ACTION` otherwise.',
  })
  reason?: DeactivationReasonValue | null;

  @Field(() => String, {
    nullable: true,
    description: 'Internal notes, at most 500 characters. Not shown to the user.',
  })
  notes?: string | null;

  @Field(() => Int, { nullable: true, description: expectedVersion })
  expectedVersion?: number | null;

  @Field(() => String, { nullable: true, description: idempotencyKey })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Input of `reactivateUser`.' })
export class ReactivateUserInput {
  @Field(() => ID, { description: userId })
  userId: string;

  @Field(() => String, {
    nullable: true,
    description: 'Internal notes, at most 500 characters. Not shown to the user.',
  })
  notes?: string | null;

  @Field(() => Int, { nullable: true, description: expectedVersion })
  expectedVersion?: number | null;

  @Field(() => String, { nullable: true, description: idempotencyKey })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Input of `updateEmailPreferences`. Omitted topics are unchanged.' })
export class UpdateEmailPreferencesInput {
  @Field(() => ID, { description: userId })
  userId: string;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether to allow e-mail about offers and campaigns.',
  })
  marketing?: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether to allow the newsletter.' })
  newsletter?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether to allow e-mail about recommended products.',
  })
  recommendations?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether to allow e-mail about the loyalty programme.',
  })
  loyalty?: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether to allow e-mail about the user’s orders.' })
  orderUpdates?: boolean | null;

  @Field(() => String, {
    nullable: true,
    description: 'Where the user made the decision, such as a page or form. At most 100 characters.',
  })
  source?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Version of the wording that the user was shown. At most 100 characters.',
  })
  wordingVersion?: string | null;

  @Field(() => String, { nullable: true, description: idempotencyKey })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Input of `requestEmailVerification`.' })
export class RequestEmailVerificationInput {
  @Field(() => ID, { description: 'ID of the user.' })
  userId: string;
}

@InputType({ description: 'Input of `confirmEmail`.' })
export class ConfirmEmailInput {
  @Field(() => String, { description: 'Token from the confirmation e-mail. Can be used once.' })
  token: string;
}
