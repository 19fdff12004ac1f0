import { Field, Int, InterfaceType, ObjectType } from 'type-graphql';
import { DateTime } from '../subgraph/scalars';
import * as errors from '../users/user.errors';

@InterfaceType('UserError', { description: 'An outcome that people expect, as opposed to a fault.' })
export abstract class UserErrorType {
  @Field(() => String, { description: 'One English sentence for developers; it holds no personal data.' })
  message: string;
}

const errorType = (name: string, description: string) =>
  ObjectType(name, { description, implements: UserErrorType });

@errorType('UserNotFoundError', 'No user has this id.')
export class UserNotFoundErrorType extends UserErrorType {}

@errorType('UserNotActiveError', 'The user is not active and cannot be changed.')
export class UserNotActiveErrorType extends UserErrorType {}

@errorType('EmailTakenError', 'Another user has this e-mail address.')
export class EmailTakenErrorType extends UserErrorType {}

@errorType('UsernameTakenError', 'Another user has this username.')
export class UsernameTakenErrorType extends UserErrorType {}

@errorType('UserIdTakenError', 'The id is in use, or was and is erased.')
export class UserIdTakenErrorType extends UserErrorType {}

@errorType(
  'InvalidTokenError',
  'The token is malformed, expired, used, or its address is no longer to be confirmed.',
)
export class InvalidTokenErrorType extends UserErrorType {}

@errorType(
  'CredentialsUnavailableError',
  'The AuthenticationService does not answer; repeating the call with its key goes on.',
)
export class CredentialsUnavailableErrorType extends UserErrorType {}

@errorType('IdempotencyConflictError', 'The idempotency key was used with another input.')
export class IdempotencyConflictErrorType extends UserErrorType {}

@errorType('VersionConflictError', 'The user is not at the expected version.')
export class VersionConflictErrorType extends UserErrorType {
  @Field(() => Int, { description: 'The version the user is at.' })
  currentVersion: number;
}

@errorType('LegalHoldError', 'The user is under a legal hold and cannot be erased.')
export class LegalHoldErrorType extends UserErrorType {
  @Field(() => DateTime, { description: 'Since when.' })
  heldSince: Date;
}

@ObjectType('FieldProblem', { description: 'What is wrong with one field of an input.' })
export class FieldProblemType {
  @Field(() => String, { description: 'The field, dotted, as `address.city`.' })
  path: string;

  @Field(() => String, {
    description:
      '`REQUIRED`, `TOO_SHORT`, `TOO_LONG`, `INVALID_FORMAT`, `CONTROL_CHARACTERS`, `REJECTED` or `NOT_AVAILABLE`.',
  })
  code: string;

  @Field(() => String, { description: 'What the field must be like.' })
  message: string;
}

@errorType('InvalidInputError', 'The input is wrong; every wrong field is named.')
export class InvalidInputErrorType extends UserErrorType {
  @Field(() => [FieldProblemType], { description: 'Every wrong field.' })
  fields: readonly FieldProblemType[];
}

/** Which type of the graph shows which error; the one place where they meet. */
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

/** Answers what `work` does, or the expected error it throws as a member of the union; faults go on as faults. */
export async function answered<T>(work: () => Promise<T>): Promise<T | UserErrorType> {
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
