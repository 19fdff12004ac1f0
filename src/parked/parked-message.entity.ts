import { Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';

/** A row of `parked_messages`: a message that could not be folded, kept for people. */
@Entity('parked_messages')
@Unique('parked_messages_fingerprint_key', ['fingerprint'])
@Index('parked_messages_parked_at_id_idx', ['parkedAt', 'id'])
@Index('parked_messages_user_id_idx', ['userId'])
export class ParkedMessage {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'parked_messages_pkey' })
  id: string;

  /** What makes the same message the same, however often it comes. */
  @Column('text')
  fingerprint: string;

  @Column('text')
  reason: string;

  /** What exactly, without any value of the message. */
  @Column('text')
  detail: string;

  @Column('text', { nullable: true })
  type: string | null;

  @Column('text', { nullable: true })
  source: string | null;

  @Column('text', { name: 'event_id', nullable: true })
  eventId: string | null;

  /** Whom it is about, where it says so. */
  @Column('uuid', { name: 'user_id', nullable: true })
  userId: string | null;

  /** Every id in it that could be a user's, wherever it stands: erasing any of them removes it. */
  @Column('uuid', { name: 'named_user_ids', array: true, default: [] })
  namedUserIds: string[];

  /** The orders that it names, as a whole value: erasing whose they are removes it. */
  @Column('text', { name: 'named_order_ids', array: true, default: [] })
  namedOrderIds: string[];

  @Column('text')
  exchange: string;

  @Column('text', { name: 'routing_key' })
  routingKey: string;

  @Column('text', { name: 'content_type', nullable: true })
  contentType: string | null;

  /** The AMQP properties `messageId`, `type` and `timestamp`, and the headers. */
  @Column('jsonb')
  headers: Record<string, unknown>;

  @Column('bytea')
  body: Buffer;

  /** How often it was delivered. */
  @Column('integer')
  attempts: number;

  @Column('timestamptz', { name: 'parked_at', default: () => 'now()' })
  parkedAt: Date;
}
