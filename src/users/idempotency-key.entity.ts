import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A row per idempotency key that was used: digests of key and input, and which answer the call got. */
@Entity('idempotency_keys')
@Index('idempotency_keys_created_at_idx', ['createdAt'])
@Index('idempotency_keys_user_id_idx', ['userId'])
export class IdempotencyKey {
  /** Keys of different callers never meet. */
  @PrimaryColumn('text', { name: 'actor_id', primaryKeyConstraintName: 'idempotency_keys_pkey' })
  actorId: string;

  /** Keyed digest: a key may hold an address. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'idempotency_keys_pkey' })
  key: string;

  @Column('text', { name: 'input_digest' })
  inputDigest: string;

  @Column('uuid', { name: 'user_id', nullable: true })
  userId: string | null;

  /** `SUCCESS` or the code of the error; null while the call is not decided yet. */
  @Column('text', { nullable: true })
  outcome: string | null;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
