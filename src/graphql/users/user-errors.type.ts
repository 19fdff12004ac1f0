import { Field, Int, InterfaceType, ObjectType } from 'type-graphql';
import { DateTime } from '../../subgraph/scalars';

@InterfaceType('UserError', {
  description: 'An expected error of a mutation. Faults are reported in `errors` instead.',
})
export abstract class UserErrorType {
  @Field(() => String, { description: 'English sentence for developers. Contains no personal data.' })
  message: string;
}

const errorType = (name: string, description: string) =>
  ObjectType(name, { description, implements: UserErrorType });

@errorType('UserNotFoundError', 'Returned when no user has this ID.')
export class UserNotFoundErrorType extends UserErrorType {}

@errorType('UserNotActiveError', 'Returned when the user is not active and cannot be changed.')
export class UserNotActiveErrorType extends UserErrorType {}

@errorType('EmailTakenError', 'Returned when another user has this e-mail address.')
export class EmailTakenErrorType extends UserErrorType {}

@errorType('UsernameTakenError', 'Returned when another user has this username.')
export class UsernameTakenErrorType extends UserErrorType {}

@errorType('UserIdTakenError', 'Returned when the ID belongs to a user or to an erased user.')
export class UserIdTakenErrorType extends UserErrorType {}

@errorType('ExternalIdTakenError', 'Returned when another user has this ID in the system.')
export class ExternalIdTakenErrorType extends UserErrorType {}

@errorType('ErasureNotScheduledError', 'Returned when no erasure of the user is scheduled.')
export class ErasureNotScheduledErrorType extends UserErrorType {}

@errorType(
  'InvalidTokenError',
  'Returned when the token or code is malformed, wrong, expired or used, or when its address or number is no longer pending.',
)
export class InvalidTokenErrorType extends UserErrorType {}

@errorType(
  'CredentialsUnavailableError',
  'Returned when the AuthenticationService is unavailable. Retry with the same idempotency key to resume the call.',
)
export class CredentialsUnavailableErrorType extends UserErrorType {}

@errorType('IdempotencyConflictError', 'Returned when the idempotency key was used with another input.')
export class IdempotencyConflictErrorType extends UserErrorType {}

@errorType('VersionConflictError', 'Returned when the user is not at the expected version.')
export class VersionConflictErrorType extends UserErrorType {
  @Field(() => Int, { description: 'Current version of the user.' })
  currentVersion: number;
}

@errorType('LegalHoldError', 'Returned when the user is under a legal hold and cannot be erased.')
export class LegalHoldErrorType extends UserErrorType {
  @Field(() => DateTime, { description: 'Time at which the hold was placed.' })
  heldSince: Date;
}

@ObjectType('FieldProblem', { simpleResolvers: true, description: 'A problem with one field of an input.' })
export class FieldProblemType {
  @Field(() => String, { description: 'Path of the field, separated by dots, such as `address.city`.' })
  path: string;

  @Field(() => String, {
    description:
      'Code of the problem: `REQUIRED`, `TOO_SHORT`, `TOO_LONG`, `INVALID_FORMAT`, `CONTROL_CHARACTERS`, `REJECTED` or `NOT_AVAILABLE`.',
  })
  code: string;

  @Field(() => String, { description: 'English sentence that states the requirement.' })
  message: string;
}

@errorType('InvalidInputError', 'Returned when the input is invalid. Lists every invalid field.')
export class InvalidInputErrorType extends UserErrorType {
  @Field(() => [FieldProblemType], { description: 'The invalid fields.' })
  fields: readonly FieldProblemType[];
}
