import { Column, Entity, Generated, Index, PrimaryColumn, Unique } from 'typeorm';

/** A row of `outbox_events`: an event, committed with the change that it describes. */
@Entity('outbox_events')
@Unique('outbox_events_user_id_version_key', ['userId', 'version'])
@Index('outbox_events_published_at_idx', { synchronize: false })
@Index('outbox_events_occurred_at_idx', ['occurredAt'])
@Index('outbox_events_unpublished_idx', { synchronize: false })
export class OutboxEvent {
  /** The CloudEvent's `id`, a UUIDv7. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'outbox_events_pkey' })
  id: string;

  /** Rises with every event of a user. A string, because a bigint may exceed the safe integers. */
  @Column('bigint')
  @Generated('increment')
  position?: string;

  /** `auditLane`, or a hash of the user id, so that all events of a user are published by one relay in order. */
  @Column('smallint')
  lane: number;

  @Column('uuid', { name: 'user_id' })
  userId: string;

  /** The user's version, the CloudEvent's `sequence`; null for requests and audit events. */
  @Column('integer', { nullable: true })
  version: number | null;

  @Column('text')
  type: string;

  @Column('jsonb')
  data: Record<string, unknown>;

  @Column('timestamptz', { name: 'occurred_at' })
  occurredAt: Date;

  @Column('text', { nullable: true })
  traceparent: string | null;

  @Column('timestamptz', { name: 'published_at', nullable: true })
  publishedAt: Date | null;
}
