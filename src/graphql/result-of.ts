import { addressChangesExceeded, forbidden } from '../subgraph/errors';
import { maxAddressChangesPerHour } from '../users/address-changes';
import type { User } from '../users/user.entity';
import * as errors from '../users/user.errors';
import { toUserType } from './users/user.type';
import {
  CredentialsUnavailableErrorType,
  EmailTakenErrorType,
  ErasureNotScheduledErrorType,
  ExternalIdTakenErrorType,
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
} from './users/user-errors.type';

/** The class of the GraphQL type of each expected error. */
const typeOfError = new Map<Function, new () => UserErrorType>([
  [errors.UserNotFoundError, UserNotFoundErrorType],
  [errors.UserNotActiveError, UserNotActiveErrorType],
  [errors.EmailTakenError, EmailTakenErrorType],
  [errors.UsernameTakenError, UsernameTakenErrorType],
  [errors.UserIdTakenError, UserIdTakenErrorType],
  [errors.ExternalIdTakenError, ExternalIdTakenErrorType],
  [errors.ErasureNotScheduledError, ErasureNotScheduledErrorType],
  [errors.InvalidTokenError, InvalidTokenErrorType],
  [errors.CredentialsUnavailableError, CredentialsUnavailableErrorType],
  [errors.IdempotencyConflictError, IdempotencyConflictErrorType],
  [errors.VersionConflictError, VersionConflictErrorType],
  [errors.InvalidInputError, InvalidInputErrorType],
  [errors.LegalHoldError, LegalHoldErrorType],
]);

/**
 * Returns the result of `work`, or the GraphQL type of the expected error that it throws. Other errors are rethrown.
 *
 * @throws FORBIDDEN if the account is frozen; LIMIT_EXCEEDED if the person tried too many new addresses
 */
export async function resultOf<T>(work: () => Promise<T>): Promise<T | UserErrorType> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof errors.AccountFrozenError)
      throw forbidden('use this token: the account is deactivated for security reasons');
    if (error instanceof errors.TooManyAddressChangesError)
      throw addressChangesExceeded(maxAddressChangesPerHour);
    const Type = error instanceof errors.UserError ? typeOfError.get(error.constructor) : undefined;
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

/** Returns a `Success` with the user that `work` resolves to, or an expected error as `resultOf` does. */
export async function userResultOf<R>(
  Success: new () => { user: object },
  work: () => Promise<User>,
): Promise<R> {
  // The compiler does not check that `R` contains the error. If it does not, the error is INTERNAL_SERVER_ERROR.
  return (await resultOf(async () => Object.assign(new Success(), { user: toUserType(await work()) }))) as R;
}
