import { Column, Entity, Generated, Index, PrimaryColumn, Unique } from 'typeorm';

export const auditActions = [
  'USER_CREATED',
  'USER_UPDATED',
  'USER_DEACTIVATED',
  'USER_REACTIVATED',
  'EMAIL_PREFERENCES_UPDATED',
  'EMAIL_VERIFICATION_REQUESTED',
  'EMAIL_VERIFIED',
  'USER_DATA_EXPORTED',
  'USER_ERASED',
  'LEGAL_HOLD_PLACED',
  'LEGAL_HOLD_RELEASED',
  'HISTORY_EXPIRED',
  'COMMERCE_RECOMPUTED',
  'USER_READ',
] as const;
export type AuditAction = (typeof auditActions)[number];

/** A row of `audit_entries`: who did what to whose data, when and why. Rows are only ever added. */
@Entity('audit_entries')
@Unique('audit_entries_position_key', ['position'])
@Index('audit_entries_user_id_at_id_idx', { synchronize: false })
export class AuditEntry {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'audit_entries_pkey' })
  id: string;

  /** In the order they were written; numbers of what was rolled back are missing. */
  @Column('bigint')
  @Generated('increment')
  position: string;

  @Column('timestamptz')
  at: Date;

  /** The `sub` of the access token; null for whoever came with a confirmation token alone. */
  @Column('text', { name: 'actor_id', nullable: true })
  actorId: string | null;

  /** Whose data. No foreign key: the trail outlives its subject. */
  @Column('uuid', { name: 'user_id' })
  userId: string;

  @Column('text')
  action: AuditAction;

  /** Names, never values. */
  @Column('text', { array: true })
  fields: string[];

  /** A word of a fixed list, or a statement without personal data. */
  @Column('text', { nullable: true })
  reason: string | null;

  /** The values before and after, readable only with the user's key. */
  @Column('bytea', { name: 'encrypted_values', nullable: true })
  encryptedValues: Buffer | null;
}
