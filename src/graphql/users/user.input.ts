import { Field, ID, InputType, Int } from 'type-graphql';
import type { DeactivationReason as DeactivationReasonValue } from '../../users/user.entity';
import { ExternalIdInput } from './external-ids.type';
import {
  expectedVersionDescription,
  idempotencyKeyDescription,
  userIdDescription,
} from './input-descriptions';
import { OptionalProfileInput } from './optional-profile.type';
import { DeactivationReason } from './user-enums.type';

const notClearable = 'Null and blank texts are invalid.';

@InputType({
  description:
    'Input of `createUser`. Texts other than `password` are trimmed, and blank ones count as missing.',
})
export class CreateUserInput extends OptionalProfileInput {
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
      'Username, 3 to 100 characters. Must be unique regardless of case, and must not contain `@` unless it is the e-mail address. Defaults to the e-mail address, even if that is longer.',
  })
  username?: string | null;

  @Field(() => [ExternalIdInput], {
    nullable: true,
    description:
      'IDs of the user in other systems, at most 20 and at most one in each system. An ID in a system belongs to one user.',
  })
  externalIds?: ExternalIdInput[] | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Password, at least 8 characters. Not trimmed. Passed to the AuthenticationService and not stored by this service. Invalid if no AuthenticationService is configured.',
  })
  password?: string | null;

  @Field(() => String, { nullable: true, description: idempotencyKeyDescription })
  idempotencyKey?: string | null;
}

@InputType({
  description:
    'Input of `updateUser`. Texts are trimmed. Omitted fields are unchanged. Null or a blank text clears a field, except where it is invalid.',
})
export class UpdateUserInput extends OptionalProfileInput {
  @Field(() => ID, { description: userIdDescription })
  userId: string;

  @Field(() => String, {
    nullable: true,
    description: `New e-mail address, at most 254 characters. Stored as \`pendingEmail\` until it is confirmed. ${notClearable}`,
  })
  email?: string | null;

  @Field(() => String, { nullable: true, description: `First name, 1 to 50 characters. ${notClearable}` })
  firstName?: string | null;

  @Field(() => String, { nullable: true, description: `Last name, 1 to 50 characters. ${notClearable}` })
  lastName?: string | null;

  @Field(() => String, {
    nullable: true,
    description: `Username, 3 to 100 characters. Must be unique regardless of case, and must not contain \`@\` unless it is the current e-mail address. ${notClearable}`,
  })
  username?: string | null;

  @Field(() => Int, { nullable: true, description: expectedVersionDescription })
  expectedVersion?: number | null;

  @Field(() => String, { nullable: true, description: idempotencyKeyDescription })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Input of `deactivateUser`.' })
export class DeactivateUserInput {
  @Field(() => ID, { description: userIdDescription })
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

  @Field(() => Int, { nullable: true, description: expectedVersionDescription })
  expectedVersion?: number | null;

  @Field(() => String, { nullable: true, description: idempotencyKeyDescription })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Input of `reactivateUser`.' })
export class ReactivateUserInput {
  @Field(() => ID, { description: userIdDescription })
  userId: string;

  @Field(() => String, {
    nullable: true,
    description: 'Internal notes, at most 500 characters. Not shown to the user.',
  })
  notes?: string | null;

  @Field(() => Int, { nullable: true, description: expectedVersionDescription })
  expectedVersion?: number | null;

  @Field(() => String, { nullable: true, description: idempotencyKeyDescription })
  idempotencyKey?: string | null;
}

@InputType({
  description:
    'Input of `updateEmailPreferences`. Omitted topics are unchanged, and null is invalid for a topic.',
})
export class UpdateEmailPreferencesInput {
  @Field(() => ID, { description: userIdDescription })
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

  @Field(() => String, { nullable: true, description: idempotencyKeyDescription })
  idempotencyKey?: string | null;
}

@InputType({
  description:
    'Input of `requestEmailVerification`. The e-mail is sent to `pendingEmail`, or to `email` if no address is pending.',
})
export class RequestEmailVerificationInput {
  @Field(() => ID, { description: userIdDescription })
  userId: string;
}

@InputType({ description: 'Input of `confirmEmail`.' })
export class ConfirmEmailInput {
  @Field(() => String, { description: 'Token from the confirmation e-mail. Can be used once.' })
  token: string;
}
