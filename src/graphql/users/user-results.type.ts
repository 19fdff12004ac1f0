import { createUnionType, Field, ObjectType } from 'type-graphql';
import { EmailPreferencesType } from './email-preferences.type';
import { UserType, WithUser } from './user.type';
import {
  CredentialsUnavailableErrorType,
  EmailTakenErrorType,
  ExternalIdTakenErrorType,
  IdempotencyConflictErrorType,
  InvalidInputErrorType,
  InvalidTokenErrorType,
  UserIdTakenErrorType,
  UserNotActiveErrorType,
  UserNotFoundErrorType,
  UsernameTakenErrorType,
  VersionConflictErrorType,
} from './user-errors.type';

@ObjectType({ simpleResolvers: true, description: 'Returned when the user was created.' })
export class CreateUserSuccess extends WithUser {
  @Field(() => UserType, { description: 'The new user.' })
  override user: UserType;
}

@ObjectType({ simpleResolvers: true, description: 'Returned when the profile has the requested values.' })
export class UpdateUserSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user after the change.' })
  override user: UserType;
}

@ObjectType({ simpleResolvers: true, description: 'Returned when the user is deactivated.' })
export class DeactivateUserSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user after the change.' })
  override user: UserType;
}

@ObjectType({ simpleResolvers: true, description: 'Returned when the user is active.' })
export class ReactivateUserSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user after the change.' })
  override user: UserType;
}

@ObjectType({
  simpleResolvers: true,
  description:
    'Returned when a confirmation e-mail was requested. Also returned, without an e-mail, if the address is already verified, if it was sent a valid token less than a minute ago, or if the user was sent 20 tokens within 24 hours.',
})
export class RequestEmailVerificationSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user after the change.' })
  override user: UserType;
}

@ObjectType({ simpleResolvers: true, description: 'Returned when the e-mail address is verified.' })
export class ConfirmEmailSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user after the change.' })
  override user: UserType;
}

@ObjectType({
  simpleResolvers: true,
  description: 'Returned when the preferences have the requested values.',
})
export class UpdateEmailPreferencesSuccess {
  @Field(() => EmailPreferencesType, { description: 'The preferences after the change.' })
  emailPreferences: EmailPreferencesType;
}

export const CreateUserResult = createUnionType({
  name: 'CreateUserResult',
  description: 'Result of `createUser`.',
  types: () =>
    [
      CreateUserSuccess,
      EmailTakenErrorType,
      UsernameTakenErrorType,
      UserIdTakenErrorType,
      ExternalIdTakenErrorType,
      InvalidInputErrorType,
      CredentialsUnavailableErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const UpdateUserResult = createUnionType({
  name: 'UpdateUserResult',
  description: 'Result of `updateUser`.',
  types: () =>
    [
      UpdateUserSuccess,
      UserNotFoundErrorType,
      UserNotActiveErrorType,
      EmailTakenErrorType,
      UsernameTakenErrorType,
      InvalidInputErrorType,
      VersionConflictErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const DeactivateUserResult = createUnionType({
  name: 'DeactivateUserResult',
  description: 'Result of `deactivateUser`.',
  types: () =>
    [
      DeactivateUserSuccess,
      UserNotFoundErrorType,
      InvalidInputErrorType,
      VersionConflictErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const ReactivateUserResult = createUnionType({
  name: 'ReactivateUserResult',
  description: 'Result of `reactivateUser`.',
  types: () =>
    [
      ReactivateUserSuccess,
      UserNotFoundErrorType,
      InvalidInputErrorType,
      VersionConflictErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const UpdateEmailPreferencesResult = createUnionType({
  name: 'UpdateEmailPreferencesResult',
  description: 'Result of `updateEmailPreferences`.',
  types: () =>
    [
      UpdateEmailPreferencesSuccess,
      UserNotFoundErrorType,
      UserNotActiveErrorType,
      InvalidInputErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const RequestEmailVerificationResult = createUnionType({
  name: 'RequestEmailVerificationResult',
  description: 'Result of `requestEmailVerification`.',
  types: () =>
    [
      RequestEmailVerificationSuccess,
      UserNotFoundErrorType,
      UserNotActiveErrorType,
      InvalidTokenErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const ConfirmEmailResult = createUnionType({
  name: 'ConfirmEmailResult',
  description: 'Result of `confirmEmail`.',
  types: () =>
    [
      ConfirmEmailSuccess,
      UserNotFoundErrorType,
      UserNotActiveErrorType,
      InvalidTokenErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});
