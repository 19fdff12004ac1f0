import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row per purpose: a random key that all replicas share and that never leaves the service. */
@Entity('signing_keys')
export class SigningKey {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'signing_keys_pkey' })
  purpose: string;

  @Column('bytea')
  key: Buffer;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
