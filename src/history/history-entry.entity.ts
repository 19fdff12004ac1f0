import { Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';

export const historyEntryTypes = [
  'USER_CREATED',
  'USER_UPDATED',
  'USER_DEACTIVATED',
  'USER_REACTIVATED',
  'EMAIL_PREFERENCES_UPDATED',
  'EMAIL_VERIFIED',
  'PHONE_VERIFIED',
  'ORDER_PLACED',
  'ORDER_CANCELLED',
  'PAYMENT_FAILED',
  'LOYALTY_POINTS_EARNED',
] as const;
export type HistoryEntryType = (typeof historyEntryTypes)[number];

/** A row of `user_history`: one event in a user's history, identified by `source` and `eventId`. */
@Entity('user_history')
@Unique('user_history_source_event_id_key', ['source', 'eventId'])
@Index('user_history_recorded_at_idx', ['recordedAt'])
@Index('user_history_user_id_occurred_at_id_idx', { synchronize: false })
@Index('user_history_placed_order_id_idx', { synchronize: false })
export class HistoryEntry {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'user_history_pkey' })
  id: string;

  @Column('uuid', { name: 'user_id' })
  userId: string;

  @Column('text')
  type: HistoryEntryType;

  /** When it happened, by the producer's clock. */
  @Column('timestamptz', { name: 'occurred_at' })
  occurredAt: Date;

  /** When the service stored it. */
  @Column('timestamptz', { name: 'recorded_at' })
  recordedAt: Date;

  @Column('text')
  source: string;

  @Column('text', { name: 'event_id' })
  eventId: string;

  /** True if a commerce entry of this user with a later `occurredAt` was stored before. Does not affect the summary. */
  @Column('boolean', { default: false })
  late: boolean;

  /** One English sentence without personal data. */
  @Column('text')
  summary: string;

  @Column('jsonb')
  data: Record<string, unknown>;
}
