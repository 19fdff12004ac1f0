import { Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';

/** A row of `parked_messages`: a message that could not be folded, kept for operators. */
@Entity('parked_messages')
@Unique('parked_messages_fingerprint_key', ['fingerprint'])
@Index('parked_messages_parked_at_id_idx', ['parkedAt', 'id'])
@Index('parked_messages_user_id_idx', ['userId'])
@Index('parked_messages_named_contacts_idx', { synchronize: false })
@Index('parked_messages_named_user_ids_idx', { synchronize: false })
@Index('parked_messages_named_order_ids_idx', { synchronize: false })
export class ParkedMessage {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'parked_messages_pkey' })
  id: string;

  /** Equal for all deliveries of a message. */
  @Column('text')
  fingerprint: string;

  @Column('text')
  reason: string;

  /** Explains the reason. Contains no value of the message. */
  @Column('text')
  detail: string;

  @Column('text', { nullable: true })
  type: string | null;

  @Column('text', { nullable: true })
  source: string | null;

  @Column('text', { name: 'event_id', nullable: true })
  eventId: string | null;

  /** The user of the message, if it names one. */
  @Column('uuid', { name: 'user_id', nullable: true })
  userId: string | null;

  /** Every id in it that could be a user id. Erasing any of these users deletes the row. */
  @Column('uuid', { name: 'named_user_ids', array: true, default: [] })
  namedUserIds: string[];

  /** The order ids in it. Erasing the user of any of these orders deletes the row. */
  @Column('text', { name: 'named_order_ids', array: true, default: [] })
  namedOrderIds: string[];

  /** SHA-256 (hex) of the e-mail addresses and phone numbers in it. Erasing a user with one of them deletes the row. */
  @Column('text', { name: 'named_contacts', array: true, default: [] })
  namedContacts: string[];

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

  /** The size of the whole body, if `body` is only its beginning. */
  @Column('integer', { name: 'body_bytes', nullable: true })
  bodyBytes: number | null;

  /** Number of deliveries. */
  @Column('integer')
  attempts: number;

  @Column('timestamptz', { name: 'parked_at', default: () => 'now()' })
  parkedAt: Date;
}
