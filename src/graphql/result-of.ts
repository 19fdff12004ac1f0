import type { User } from '../users/user.entity';
import * as errors from '../users/user.errors';
import { toUserType } from './user.type';
import {
  CredentialsUnavailableErrorType,
  EmailTakenErrorType,
  IdempotencyConflictErrorType,
  InvalidInputErrorType,
  InvalidTokenErrorType,
  LegalHoldErrorType,
  type UserErrorType,
  UserIdTakenErrorType,
  UserNotActiveErrorType,
  UserNotFoundErrorType,
  UsernameTakenErrorType,
  VersionConflictErrorType,
} from './user-errors.type';

/** The GraphQL type of each expected error. */
const types = new Map<Function, new () => UserErrorType>([
  [errors.UserNotFoundError, UserNotFoundErrorType],
  [errors.UserNotActiveError, UserNotActiveErrorType],
  [errors.EmailTakenError, EmailTakenErrorType],
  [errors.UsernameTakenError, UsernameTakenErrorType],
  [errors.UserIdTakenError, UserIdTakenErrorType],
  [errors.InvalidTokenError, InvalidTokenErrorType],
  [errors.CredentialsUnavailableError, CredentialsUnavailableErrorType],
  [errors.IdempotencyConflictError, IdempotencyConflictErrorType],
  [errors.VersionConflictError, VersionConflictErrorType],
  [errors.InvalidInputError, InvalidInputErrorType],
  [errors.LegalHoldError, LegalHoldErrorType],
]);

/** Returns the result of `work`, or the GraphQL type of the expected error that it throws. Other errors are rethrown. */
export async function resultOf<T>(work: () => Promise<T>): Promise<T | UserErrorType> {
  try {
    return await work();
  } catch (error) {
    const Type = error instanceof errors.UserError ? types.get(error.constructor) : undefined;
    if (!Type) throw error;
    const { message, currentVersion, fields, heldSince } = error as errors.UserError &
      Partial<VersionConflictErrorType & InvalidInputErrorType & LegalHoldErrorType>;
    return Object.assign(new Type(), {
      message,
      ...(currentVersion === undefined ? {} : { currentVersion }),
      ...(fields === undefined ? {} : { fields }),
      ...(heldSince === undefined ? {} : { heldSince }),
    });
  }
}

/** Returns a success with the user that `work` resolves to, or the GraphQL type of an expected error. */
export async function userResultOf<R>(
  Success: new () => { user: object },
  work: () => Promise<User>,
): Promise<R> {
  // `R` need not contain every error: GraphQL rejects a result that is not a member of the union.
  return (await resultOf(async () => Object.assign(new Success(), { user: toUserType(await work()) }))) as R;
}
