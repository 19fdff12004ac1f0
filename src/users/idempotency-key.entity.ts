import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A row per used idempotency key: digests of key and input, and the outcome of the call. */
@Entity('idempotency_keys')
@Index('idempotency_keys_created_at_idx', ['createdAt'])
@Index('idempotency_keys_user_id_idx', ['userId'])
export class IdempotencyKey {
  /** Each actor has its own keys. */
  @PrimaryColumn('text', { name: 'actor_id', primaryKeyConstraintName: 'idempotency_keys_pkey' })
  actorId: string;

  /** Keyed digest: clients may put e-mail addresses into keys. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'idempotency_keys_pkey' })
  key: string;

  @Column('text', { name: 'input_digest' })
  inputDigest: string;

  @Column('uuid', { name: 'user_id', nullable: true })
  userId: string | null;

  /** `SUCCESS` or the code of the error; null until the outcome is known. */
  @Column('text', { nullable: true })
  outcome: string | null;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
