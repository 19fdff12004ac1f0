import { createUnionType, Field, ObjectType } from 'type-graphql';
import { EmailPreferencesType, UserType } from './user.type';
import {
  CredentialsUnavailableErrorType,
  EmailTakenErrorType,
  IdempotencyConflictErrorType,
  InvalidInputErrorType,
  InvalidTokenErrorType,
  UserIdTakenErrorType,
  UserNotActiveErrorType,
  UserNotFoundErrorType,
  UsernameTakenErrorType,
  VersionConflictErrorType,
} from './user-errors.type';

abstract class WithUser {
  user: UserType;
}

@ObjectType({ description: 'The user was created.' })
export class CreateUserSuccess extends WithUser {
  @Field(() => UserType, { description: 'The new user.' })
  override user: UserType;
}

@ObjectType({ description: 'The user is as the input says.' })
export class UpdateUserSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user as it is now.' })
  override user: UserType;
}

@ObjectType({ description: 'The account is out of use.' })
export class DeactivateUserSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user as it is now.' })
  override user: UserType;
}

@ObjectType({ description: 'The account is in use.' })
export class ReactivateUserSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user as it is now.' })
  override user: UserType;
}

@ObjectType({ description: 'A confirmation was asked for, or is not needed.' })
export class RequestEmailVerificationSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user as it is now.' })
  override user: UserType;
}

@ObjectType({ description: 'The e-mail address is confirmed.' })
export class ConfirmEmailSuccess extends WithUser {
  @Field(() => UserType, { description: 'The user as it is now.' })
  override user: UserType;
}

@ObjectType({ description: 'The decisions were taken.' })
export class UpdateEmailPreferencesSuccess {
  @Field(() => EmailPreferencesType, { description: 'The preferences as they are now.' })
  emailPreferences: EmailPreferencesType;
}

export const CreateUserResult = createUnionType({
  name: 'CreateUserResult',
  description: 'What createUser answers.',
  types: () =>
    [
      CreateUserSuccess,
      EmailTakenErrorType,
      UsernameTakenErrorType,
      UserIdTakenErrorType,
      InvalidInputErrorType,
      CredentialsUnavailableErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const UpdateUserResult = createUnionType({
  name: 'UpdateUserResult',
  description: 'What updateUser answers.',
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
  description: 'What deactivateUser answers.',
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
  description: 'What reactivateUser answers.',
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
  description: 'What updateEmailPreferences answers.',
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
  description: 'What requestEmailVerification answers.',
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
  description: 'What confirmEmail answers.',
  types: () =>
    [
      ConfirmEmailSuccess,
      UserNotFoundErrorType,
      UserNotActiveErrorType,
      InvalidTokenErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});
