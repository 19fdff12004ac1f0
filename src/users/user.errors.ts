/** A problem of one field of an input. `path` is dotted, such as `address.city`. */
export interface FieldProblem {
  path: string;
  code: FieldProblemCode;
  message: string;
}

export type FieldProblemCode =
  | 'REQUIRED'
  | 'TOO_SHORT'
  | 'TOO_LONG'
  | 'INVALID_FORMAT'
  | 'CONTROL_CHARACTERS'
  | 'REJECTED'
  | 'NOT_AVAILABLE';

/** An error that callers expect, returned as a member of a result union. Its message has no personal data. */
export abstract class UserError extends Error {
  abstract readonly code: string;
  override get name(): string {
    return this.constructor.name;
  }
}

export class UserNotFoundError extends UserError {
  readonly code = 'USER_NOT_FOUND';
  constructor() {
    super('No user has this id.');
  }
}

/** The account is frozen, so its holder may not make this call. Access control, and so not a `UserError`. */
export class AccountFrozenError extends Error {
  override readonly name = 'AccountFrozenError';
}

export class UserNotActiveError extends UserError {
  readonly code = 'USER_NOT_ACTIVE';
  constructor() {
    super('This user is not active and cannot be changed.');
  }
}

export class EmailTakenError extends UserError {
  readonly code = 'EMAIL_TAKEN';
  constructor() {
    super('Another user has this e-mail address.');
  }
}

export class UsernameTakenError extends UserError {
  readonly code = 'USERNAME_TAKEN';
  constructor() {
    super('Another user has this username.');
  }
}

export class UserIdTakenError extends UserError {
  readonly code = 'USER_ID_TAKEN';
  constructor() {
    super('This id is or was in use.');
  }
}

export class ExternalIdTakenError extends UserError {
  readonly code = 'EXTERNAL_ID_TAKEN';
  constructor() {
    super('Another user has this external ID.');
  }
}

export class VersionConflictError extends UserError {
  readonly code = 'VERSION_CONFLICT';
  constructor(readonly currentVersion: number) {
    super(`The user was changed and is at version ${currentVersion}.`);
  }
}

export class LegalHoldError extends UserError {
  readonly code = 'LEGAL_HOLD';
  constructor(readonly heldSince: Date) {
    super('This user is under a legal hold and cannot be erased.');
  }
}

export class ErasureNotScheduledError extends UserError {
  readonly code = 'ERASURE_NOT_SCHEDULED';
  constructor() {
    super('No erasure of this user is scheduled.');
  }
}

export class InvalidTokenError extends UserError {
  readonly code = 'INVALID_TOKEN';
  constructor() {
    super(
      'This token or code is not valid: it is malformed, expired or used, or what it confirms has changed.',
    );
  }
}

export class CredentialsUnavailableError extends UserError {
  readonly code = 'CREDENTIALS_UNAVAILABLE';
  constructor() {
    super(
      'The AuthenticationService did not confirm the credentials. Repeat the call with the same idempotencyKey.',
    );
  }
}

export class IdempotencyConflictError extends UserError {
  readonly code = 'IDEMPOTENCY_CONFLICT';
  constructor() {
    super('This idempotencyKey was used with a different input.');
  }
}

export class InvalidInputError extends UserError {
  readonly code = 'INVALID_INPUT';
  constructor(readonly fields: readonly FieldProblem[]) {
    super(
      `The input has ${fields.length === 1 ? 'a problem' : `${fields.length} problems`}: ${fields.map((it) => it.path).join(', ')}.`,
    );
  }
}

/** The person tried too many new addresses within an hour. */
export class TooManyAddressChangesError extends Error {
  override readonly name = 'TooManyAddressChangesError';
}

/** PostgreSQL checks uniqueness; the name of the violated constraint gives the error. */
const errorsByConstraint: Record<string, new () => UserError> = {
  users_pkey: UserIdTakenError,
  // Rows of an erased user with this id, whose erasure was committed during the insert.
  outbox_events_user_id_version_key: UserIdTakenError,
  audit_keys_pkey: UserIdTakenError,
  users_email_normalized_key: EmailTakenError,
  users_username_normalized_key: UsernameTakenError,
  external_ids_pkey: ExternalIdTakenError,
};

/** Returns the expected error for a violated constraint, or the error itself. */
export function fromConstraint(error: unknown): unknown {
  const { constraint } = ((error as { driverError?: unknown }).driverError ?? error) as {
    constraint?: string;
  };
  const Expected = constraint === undefined ? undefined : errorsByConstraint[constraint];
  return Expected ? new Expected() : error;
}
