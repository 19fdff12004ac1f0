import { createUnionType, Field, ID, InputType, ObjectType } from 'type-graphql';
import { idempotencyKeyDescription, userIdDescription } from './input-descriptions';
import { UserType, WithUser } from './user.type';
import {
  IdempotencyConflictErrorType,
  InvalidInputErrorType,
  InvalidTokenErrorType,
  UserNotActiveErrorType,
  UserNotFoundErrorType,
} from './user-errors.type';

@InputType({ description: 'Input of `requestPhoneVerification`. The code is sent to `phoneNumber`.' })
export class RequestPhoneVerificationInput {
  @Field(() => ID, { description: userIdDescription })
  userId: string;

  @Field(() => String, { nullable: true, description: idempotencyKeyDescription })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Input of `confirmPhone`.' })
export class ConfirmPhoneInput {
  @Field(() => ID, { description: userIdDescription })
  userId: string;

  @Field(() => String, {
    description: 'Code of six digits from the message. Can be used once, for 10 minutes and for five tries.',
  })
  code: string;
}

@ObjectType({
  simpleResolvers: true,
  description:
    'Returned when a code was requested. Also returned, without a message, if the number is already verified, if it was sent a code less than a minute ago, or if the user was sent 10 codes within 24 hours.',
})
export class RequestPhoneVerificationSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user after the change.' })
  override user: UserType;
}

@ObjectType({ simpleResolvers: true, description: 'Returned when the phone number is verified.' })
export class ConfirmPhoneSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user after the change.' })
  override user: UserType;
}

export const RequestPhoneVerificationResult = createUnionType({
  name: 'RequestPhoneVerificationResult',
  description: 'Result of `requestPhoneVerification`.',
  types: () =>
    [
      RequestPhoneVerificationSuccess,
      UserNotFoundErrorType,
      UserNotActiveErrorType,
      InvalidInputErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const ConfirmPhoneResult = createUnionType({
  name: 'ConfirmPhoneResult',
  description: 'Result of `confirmPhone`.',
  types: () =>
    [ConfirmPhoneSuccess, UserNotFoundErrorType, UserNotActiveErrorType, InvalidTokenErrorType] as const,
});
