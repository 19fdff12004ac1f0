import { Field, ID, InputType, Int } from 'type-graphql';
import { DateTime } from '../subgraph/scalars';
import type {
  DeactivationReason as DeactivationReasonValue,
  VerificationStatus as Status,
} from '../users/user.entity';
import { DeactivationReason, UserStatus, VerificationStatus } from './user-enums.type';

const idempotencyKey =
  'Repeating the call with the same key and input has one effect and answers the same. At most 200.';
const expectedVersion = 'Refuse with `VersionConflictError` when the user is at another version.';
const userId = 'Whom to change.';

@InputType({ description: 'A postal address; what is left out is empty.' })
export class AddressInput {
  @Field(() => String, { nullable: true, description: 'At most 100 characters.' })
  street?: string | null;

  @Field(() => String, { nullable: true, description: 'At most 50 characters.' })
  city?: string | null;

  @Field(() => String, { nullable: true, description: 'At most 50 characters.' })
  state?: string | null;

  @Field(() => String, { nullable: true, description: 'At most 20 characters.' })
  postalCode?: string | null;

  @Field(() => String, { nullable: true, description: 'At most 50 characters.' })
  country?: string | null;
}

@InputType({ description: 'A new user. Text is trimmed; blank is missing.' })
export class CreateUserInput {
  @Field(() => String, {
    description: 'At most 254 characters; unique after trimming, NFKC and lower-casing.',
  })
  email: string;

  @Field(() => String, { description: '1 to 50 characters.' })
  firstName: string;

  @Field(() => String, { description: '1 to 50 characters.' })
  lastName: string;

  @Field(() => ID, { nullable: true, description: 'A UUID to bring along; made here when left out.' })
  userId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: '3 to 100 characters, unique without regard to case; the e-mail address when left out.',
  })
  username?: string | null;

  @Field(() => String, { nullable: true, description: '1 to 50 characters, seen by everybody.' })
  displayName?: string | null;

  @Field(() => String, { nullable: true, description: 'E.164; the plus sign may be left out.' })
  phoneNumber?: string | null;

  @Field(() => AddressInput, { nullable: true, description: 'Postal address.' })
  address?: AddressInput | null;

  @Field(() => String, { nullable: true, description: 'A BCP 47 language tag.' })
  locale?: string | null;

  @Field(() => String, { nullable: true, description: 'An IANA time zone name.' })
  timeZone?: string | null;

  @Field(() => String, {
    nullable: true,
    description: '8 characters or more; handed to the AuthenticationService and kept nowhere here.',
  })
  password?: string | null;

  @Field(() => String, { nullable: true, description: idempotencyKey })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Changes of a profile: what is left out stays, null clears.' })
export class UpdateUserInput {
  @Field(() => ID, { description: userId })
  userId: string;

  @Field(() => String, {
    nullable: true,
    description: 'Becomes `pendingEmail` until it is confirmed. Cannot be cleared.',
  })
  email?: string | null;

  @Field(() => String, { nullable: true, description: '1 to 50 characters. Cannot be cleared.' })
  firstName?: string | null;

  @Field(() => String, { nullable: true, description: '1 to 50 characters. Cannot be cleared.' })
  lastName?: string | null;

  @Field(() => String, { nullable: true, description: '3 to 100 characters. Cannot be cleared.' })
  username?: string | null;

  @Field(() => String, { nullable: true, description: '1 to 50 characters, seen by everybody.' })
  displayName?: string | null;

  @Field(() => String, { nullable: true, description: 'E.164; the plus sign may be left out.' })
  phoneNumber?: string | null;

  @Field(() => AddressInput, { nullable: true, description: 'Replaces the whole address.' })
  address?: AddressInput | null;

  @Field(() => String, { nullable: true, description: 'A BCP 47 language tag.' })
  locale?: string | null;

  @Field(() => String, { nullable: true, description: 'An IANA time zone name.' })
  timeZone?: string | null;

  @Field(() => Int, { nullable: true, description: expectedVersion })
  expectedVersion?: number | null;

  @Field(() => String, { nullable: true, description: idempotencyKey })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Takes an account out of use.' })
export class DeactivateUserInput {
  @Field(() => ID, { description: userId })
  userId: string;

  @Field(() => DeactivationReason, {
    nullable: true,
    description: 'Left out, it is `USER_REQUESTED` for oneself and `ADMINISTRATIVE_ACTION` for anyone else.',
  })
  reason?: DeactivationReasonValue | null;

  @Field(() => String, { nullable: true, description: 'At most 500 characters; not shown to the user.' })
  notes?: string | null;

  @Field(() => Int, { nullable: true, description: expectedVersion })
  expectedVersion?: number | null;

  @Field(() => String, { nullable: true, description: idempotencyKey })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Brings a deactivated account back.' })
export class ReactivateUserInput {
  @Field(() => ID, { description: userId })
  userId: string;

  @Field(() => String, { nullable: true, description: 'At most 500 characters; not shown to the user.' })
  notes?: string | null;

  @Field(() => Int, { nullable: true, description: expectedVersion })
  expectedVersion?: number | null;

  @Field(() => String, { nullable: true, description: idempotencyKey })
  idempotencyKey?: string | null;
}

@InputType({ description: 'What a user decides about e-mail; what is left out stays.' })
export class UpdateEmailPreferencesInput {
  @Field(() => ID, { description: userId })
  userId: string;

  @Field(() => Boolean, { nullable: true, description: 'Offers and campaigns.' })
  marketing?: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'The newsletter.' })
  newsletter?: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'Recommended products.' })
  recommendations?: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'News of the loyalty programme.' })
  loyalty?: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'What becomes of one’s orders.' })
  orderUpdates?: boolean | null;

  @Field(() => String, { nullable: true, description: 'Where the person said so. At most 100 characters.' })
  source?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Which wording the person was shown. At most 100 characters.',
  })
  wordingVersion?: string | null;

  @Field(() => String, { nullable: true, description: idempotencyKey })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Asks for a confirmation mail.' })
export class RequestEmailVerificationInput {
  @Field(() => ID, { description: 'Whose pending, or else current, address to confirm.' })
  userId: string;
}

@InputType({ description: 'Confirms an e-mail address.' })
export class ConfirmEmailInput {
  @Field(() => String, { description: 'The token from the confirmation mail; works once.' })
  token: string;
}

@InputType('UserFilter', {
  description: 'Which users; all conditions must hold, and an empty list matches nothing.',
})
export class UserFilterInput {
  @Field(() => [UserStatus], { nullable: true, description: 'In one of these states.' })
  status?: UserStatus[] | null;

  @Field(() => DateTime, { nullable: true, description: 'Created at or after.' })
  createdFrom?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Created before.' })
  createdTo?: Date | null;

  @Field(() => [VerificationStatus], {
    nullable: true,
    description: 'With the e-mail address verified this far.',
  })
  emailVerification?: Status[] | null;

  @Field(() => String, {
    nullable: true,
    description: 'A prefix of e-mail address, username, first or last name.',
  })
  search?: string | null;
}
