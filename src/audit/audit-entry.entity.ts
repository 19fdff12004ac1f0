import { Column, Entity, Generated, Index, PrimaryColumn, Unique } from 'typeorm';

export const auditActions = [
  'USER_CREATED',
  'USER_UPDATED',
  'USER_DEACTIVATED',
  'USER_REACTIVATED',
  'EMAIL_PREFERENCES_UPDATED',
  'EMAIL_VERIFICATION_REQUESTED',
  'EMAIL_VERIFIED',
  'PHONE_VERIFICATION_REQUESTED',
  'PHONE_VERIFIED',
  'USER_DATA_EXPORTED',
  'USER_ERASED',
  'ERASURE_SCHEDULED',
  'ERASURE_CANCELLED',
  'LEGAL_HOLD_PLACED',
  'LEGAL_HOLD_RELEASED',
  'INACTIVITY_WARNED',
  'HISTORY_EXPIRED',
  'COMMERCE_RECOMPUTED',
  'PARKED_MESSAGE_DISCARDED',
  'USER_READ',
] as const;
export type AuditAction = (typeof auditActions)[number];
/** An action that changes nothing. */
export type AccessAction = Extract<AuditAction, 'USER_READ' | 'USER_DATA_EXPORTED'>;
export type ChangeAction = Exclude<AuditAction, AccessAction>;

/** Fields that were read of the same users. */
export interface FieldGroup {
  readonly fields: readonly string[];
  /** The position in `userIds`, from 1, of the last of these users. They follow those of the previous group. */
  readonly lastPosition: number;
  /** How often they were read, if more than once. */
  readonly count?: number;
}

/**
 * A row of `audit_entries`: who did what to whose data, when and why. Append-only. A change has `userId` and `fields`.
 * An access has `userIds` and `fieldGroups`; accesses written by version 1.0 have `userId` and `fields`.
 */
@Entity('audit_entries')
@Unique('audit_entries_position_key', ['position'])
@Index('audit_entries_user_id_at_id_idx', { synchronize: false })
@Index('audit_entries_user_ids_idx', { synchronize: false })
export class AuditEntry {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'audit_entries_pkey' })
  id: string;

  /** Drawn from a sequence at insert, so numbers of rolled-back inserts are missing. */
  @Column('bigint')
  @Generated('increment')
  position: string;

  @Column('timestamptz')
  at: Date;

  /** The `sub` of the access token; null for a request with a confirmation token only. */
  @Column('text', { name: 'actor_id', nullable: true })
  actorId: string | null;

  /** The user whose data it is. No foreign key: entries outlive the user. */
  @Column('uuid', { name: 'user_id', nullable: true })
  userId: string | null;

  @Column('text')
  action: AuditAction;

  /** Names of fields, never values. */
  @Column('text', { array: true, nullable: true })
  fields: string[] | null;

  /** The users whose data was read, each once. */
  @Column('uuid', { name: 'user_ids', array: true, nullable: true })
  userIds: string[] | null;

  @Column('jsonb', { name: 'field_groups', nullable: true })
  fieldGroups: FieldGroup[] | null;

  /** A word of a fixed list, or free text without personal data. It stays readable after an erasure. */
  @Column('text', { nullable: true })
  reason: string | null;

  /** The values before and after, encrypted with the user's key. */
  @Column('bytea', { name: 'encrypted_values', nullable: true })
  encryptedValues: Buffer | null;
}
