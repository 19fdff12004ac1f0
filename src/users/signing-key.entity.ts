import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A random secret key, shared by all replicas. The newest generation of a purpose signs. */
@Entity('signing_keys')
export class SigningKey {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'signing_keys_pkey' })
  purpose: string;

  /** Numbers the keys of a purpose from 1. */
  @PrimaryColumn('integer', { default: 1, primaryKeyConstraintName: 'signing_keys_pkey' })
  generation: number;

  @Column('bytea')
  key: Buffer;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
