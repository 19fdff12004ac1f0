import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A random key that all replicas share and that never leaves the service; of a purpose the last generation signs. */
@Entity('signing_keys')
export class SigningKey {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'signing_keys_pkey' })
  purpose: string;

  /** Counts the keys of a purpose from 1. */
  @PrimaryColumn('integer', { default: 1, primaryKeyConstraintName: 'signing_keys_pkey' })
  generation: number;

  @Column('bytea')
  key: Buffer;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
