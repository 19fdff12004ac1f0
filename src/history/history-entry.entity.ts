import { Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';

export const historyEntryTypes = [
  'USER_CREATED',
  'USER_UPDATED',
  'USER_DEACTIVATED',
  'USER_REACTIVATED',
  'EMAIL_PREFERENCES_UPDATED',
  'EMAIL_VERIFIED',
  'ORDER_PLACED',
  'PAYMENT_FAILED',
  'LOYALTY_POINTS_EARNED',
] as const;
export type HistoryEntryType = (typeof historyEntryTypes)[number];

/** A row of `user_history`: one thing that happened to a user. `source` and `eventId` are the event's identity. */
@Entity('user_history')
@Unique('user_history_source_event_id_key', ['source', 'eventId'])
@Index('user_history_recorded_at_idx', ['recordedAt'])
@Index('user_history_user_id_occurred_at_id_idx', { synchronize: false })
export class HistoryEntry {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'user_history_pkey' })
  id: string;

  @Column('uuid', { name: 'user_id' })
  userId: string;

  @Column('text')
  type: HistoryEntryType;

  /** When it happened, by the event's own clock. */
  @Column('timestamptz', { name: 'occurred_at' })
  occurredAt: Date;

  /** When it was written here. */
  @Column('timestamptz', { name: 'recorded_at' })
  recordedAt: Date;

  @Column('text')
  source: string;

  @Column('text', { name: 'event_id' })
  eventId: string;

  /** True when a commerce entry of this user that happened later was already there. */
  @Column('boolean', { default: false })
  late: boolean;

  /** One English sentence without personal data. */
  @Column('text')
  summary: string;

  @Column('jsonb')
  data: Record<string, unknown>;
}
