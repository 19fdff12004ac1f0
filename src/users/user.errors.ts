/** What can be wrong with one field of an input. `path` is dotted, as in `address.city`. */
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

/** An outcome people expect, as opposed to a fault. The message holds no personal data. */
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

export class VersionConflictError extends UserError {
  readonly code = 'VERSION_CONFLICT';
  constructor(readonly currentVersion: number) {
    super(`The user has changed meanwhile and is at version ${currentVersion}.`);
  }
}

export class LegalHoldError extends UserError {
  readonly code = 'LEGAL_HOLD';
  constructor(readonly heldSince: Date) {
    super('This user is under a legal hold and cannot be erased.');
  }
}

export class InvalidTokenError extends UserError {
  readonly code = 'INVALID_TOKEN';
  constructor() {
    super(
      'This token is not valid: it is malformed, expired, used, or its address is no longer to be confirmed.',
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
    super('This idempotencyKey was used with another input.');
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

/** Uniqueness is PostgreSQL's to judge; its constraints say which promise was broken. */
const errorsByConstraint: Record<string, new () => UserError> = {
  users_pkey: UserIdTakenError,
  // Left for a moment by whoever had the id and was erased while this user was on its way.
  outbox_events_user_id_version_key: UserIdTakenError,
  audit_keys_pkey: UserIdTakenError,
  users_email_normalized_key: EmailTakenError,
  users_username_normalized_key: UsernameTakenError,
};

/** The expected error behind a violated constraint of `users`, or the error itself. */
export function fromConstraint(error: unknown): unknown {
  const { constraint } = ((error as { driverError?: unknown }).driverError ?? error) as {
    constraint?: string;
  };
  const Expected = constraint === undefined ? undefined : errorsByConstraint[constraint];
  return Expected ? new Expected() : error;
}
