import { createUnionType, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { ErasureReport } from '../../privacy/erasures';
import { DateTime, Json } from '../../subgraph/scalars';
import { UserType } from '../users/user.type';
import {
  ErasureNotScheduledErrorType,
  IdempotencyConflictErrorType,
  InvalidInputErrorType,
  LegalHoldErrorType,
  UserNotFoundErrorType,
} from '../users/user-errors.type';

export const ErasureStatus = {
  PLANNED: 'PLANNED',
  SCHEDULED: 'SCHEDULED',
  RUNNING: 'RUNNING',
  COMPLETED: 'COMPLETED',
  CANCELLED: 'CANCELLED',
} as const;

registerEnumType(ErasureStatus, {
  name: 'ErasureStatus',
  description: 'Progress of an erasure.',
  valuesConfig: {
    PLANNED: { description: 'The erasure is the plan of a dry run. Nothing was changed.' },
    SCHEDULED: { description: 'The account is deactivated. The erasure starts later and can be cancelled.' },
    RUNNING: { description: 'The user can no longer be read. Records are still being deleted.' },
    COMPLETED: { description: 'All records were deleted.' },
    CANCELLED: { description: 'The erasure was scheduled and then cancelled. Nothing was deleted.' },
  },
});

@ObjectType({
  simpleResolvers: true,
  description: 'Records that an erasure deletes, or has deleted so far, from one store.',
})
export class ErasureEffect {
  @Field(() => String, { description: 'Name of a database table, or `cache`.' })
  store: string;

  @Field(() => Int, { description: 'Number of records.' })
  records: number;
}

@ObjectType('Erasure', { simpleResolvers: true, description: 'The erasure of a user, or the plan of one.' })
export class ErasureType {
  @Field(() => ID, {
    description: 'Unique identifier, for the query `erasure`. The ID of a plan cannot be queried.',
  })
  id: string;

  @Field(() => ID, { description: 'ID of the user.' })
  userId: string;

  @Field(() => ErasureStatus, { description: 'Progress of the erasure.' })
  status: ErasureReport['status'];

  @Field(() => DateTime, { description: 'Time of the request.' })
  requestedAt: Date;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'Time at which a scheduled erasure starts, or was to start, or null if it started with the request. A legal hold delays it.',
  })
  scheduledFor: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Time of completion, or null if the erasure is not completed.',
  })
  completedAt: Date | null;

  @Field(() => [ErasureEffect], {
    description: 'Deleted records by store. Stores without records are omitted.',
  })
  effects: ErasureEffect[];
}

/** Returns the GraphQL type of an erasure. Effects are sorted by store. */
export function toErasureType(erasure: ErasureReport): ErasureType {
  const { id, userId, status, requestedAt, scheduledFor, completedAt, effects } = erasure;
  return Object.assign(new ErasureType(), {
    id,
    userId,
    status,
    requestedAt,
    scheduledFor,
    completedAt,
    effects: Object.entries(effects)
      .map(([store, records]) => ({ store, records }))
      .sort((one, other) => (one.store < other.store ? -1 : 1)),
  } satisfies ErasureType);
}

@ObjectType({ simpleResolvers: true, description: 'An export of all data stored about a user.' })
export class UserDataExport {
  @Field(() => DateTime, { description: 'Time of the export.' })
  generatedAt: Date;

  @Field(() => Json, {
    description:
      'The exported data: profile, history, consents, accesses and recipients. Its format is described in docs/privacy.md.',
  })
  document: unknown;
}

@ObjectType({ simpleResolvers: true, description: 'Returned when the data was exported.' })
export class ExportUserDataSuccess {
  @Field(() => UserDataExport, { description: 'The export.' })
  export: UserDataExport;
}

@ObjectType({
  simpleResolvers: true,
  description: 'Returned when the erasure was started or scheduled, or planned by a dry run.',
})
export class EraseUserSuccess {
  @Field(() => ErasureType, { description: 'The erasure or its plan.' })
  erasure: ErasureType;
}

@ObjectType({ simpleResolvers: true, description: 'Returned when the scheduled erasure was cancelled.' })
export class CancelErasureSuccess {
  @Field(() => ErasureType, { description: 'The cancelled erasure.' })
  erasure: ErasureType;
}

@ObjectType({ simpleResolvers: true, description: 'Returned when the user is under a legal hold.' })
export class PlaceLegalHoldSuccess {
  @Field(() => UserType, { description: 'The user after the change.' })
  user: UserType;
}

@ObjectType({ simpleResolvers: true, description: 'Returned when the user is no longer under a legal hold.' })
export class ReleaseLegalHoldSuccess {
  @Field(() => UserType, { description: 'The user after the change.' })
  user: UserType;
}

export const ExportUserDataResult = createUnionType({
  name: 'ExportUserDataResult',
  description: 'Result of `exportUserData`.',
  types: () => [ExportUserDataSuccess, UserNotFoundErrorType, IdempotencyConflictErrorType] as const,
});

export const EraseUserResult = createUnionType({
  name: 'EraseUserResult',
  description: 'Result of `eraseUser`.',
  types: () =>
    [
      EraseUserSuccess,
      UserNotFoundErrorType,
      LegalHoldErrorType,
      InvalidInputErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const CancelErasureResult = createUnionType({
  name: 'CancelErasureResult',
  description: 'Result of `cancelErasure`.',
  types: () =>
    [
      CancelErasureSuccess,
      UserNotFoundErrorType,
      ErasureNotScheduledErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const PlaceLegalHoldResult = createUnionType({
  name: 'PlaceLegalHoldResult',
  description: 'Result of `placeLegalHold`.',
  types: () =>
    [
      PlaceLegalHoldSuccess,
      UserNotFoundErrorType,
      InvalidInputErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});

export const ReleaseLegalHoldResult = createUnionType({
  name: 'ReleaseLegalHoldResult',
  description: 'Result of `releaseLegalHold`.',
  types: () =>
    [
      ReleaseLegalHoldSuccess,
      UserNotFoundErrorType,
      InvalidInputErrorType,
      IdempotencyConflictErrorType,
    ] as const,
});
