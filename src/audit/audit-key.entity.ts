import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `audit_keys`: the key that encrypts the values in one user's audit entries. Erasure deletes it. */
@Entity('audit_keys')
export class AuditKey {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'audit_keys_pkey' })
  userId: string;

  /** 32 random bytes, for AES-256-GCM. */
  @Column('bytea')
  key: Buffer;
}
