import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `audit_seals`: a link of the chain that shows whether entries were changed, removed or put in. */
@Entity('audit_seals')
export class AuditSeal {
  /** From 1, without gaps. A string, as it may outgrow a number. */
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'audit_seals_pkey' })
  number: string;

  @Column('uuid', { name: 'entry_ids', array: true })
  entryIds: string[];

  /** The SHA-256 digests of the entries, one after the other. */
  @Column('bytea', { name: 'entry_digests' })
  entryDigests: Buffer;

  /** That of the seal before; zeros before the first. */
  @Column('bytea', { name: 'previous_hash' })
  previousHash: Buffer;

  @Column('bytea')
  hash: Buffer;

  @Column('timestamptz', { name: 'sealed_at' })
  sealedAt: Date;
}
