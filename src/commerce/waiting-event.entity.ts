import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A row of `waiting_events`: an event that arrived before its user or its order. */
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

  /** The `CommerceEvent` as JSON. */
  @Column('jsonb')
  event: Record<string, unknown>;

  /** By PostgreSQL's clock, because retention must not depend on producers' clocks. */
  @Column('timestamptz', { name: 'received_at', default: () => 'now()' })
  receivedAt: Date;
}
