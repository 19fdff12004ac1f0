import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A row of `waiting_events`: an event that came before the user or the order it is about. */
@Entity('waiting_events')
@Check('waiting_events_waits_for_check', `waits_for IN ('user', 'order')`)
@Index('waiting_events_waits_for_id_idx', ['waitsForId', 'waitsFor'])
@Index('waiting_events_received_at_idx', ['receivedAt'])
export class WaitingEvent {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'waiting_events_pkey' })
  source: string;

  @PrimaryColumn('text', { name: 'event_id', primaryKeyConstraintName: 'waiting_events_pkey' })
  eventId: string;

  @Column('text')
  type: string;

  @Column('text', { name: 'waits_for' })
  waitsFor: 'user' | 'order';

  @Column('text', { name: 'waits_for_id' })
  waitsForId: string;

  /** The `CommerceEvent`. */
  @Column('jsonb')
  event: Record<string, unknown>;

  /** By the database's clock: producers' clocks decide nothing about keeping. */
  @Column('timestamptz', { name: 'received_at', default: () => 'now()' })
  receivedAt: Date;
}
