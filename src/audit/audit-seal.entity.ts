import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `audit_seals`: a link of the chain that reveals changed, removed and inserted entries. */
@Entity('audit_seals')
export class AuditSeal {
  /** From 1, without gaps. A string, because a bigint may exceed the safe integers. */
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'audit_seals_pkey' })
  number: string;

  @Column('uuid', { name: 'entry_ids', array: true })
  entryIds: string[];

  /** The SHA-256 digests of the entries, one after the other. */
  @Column('bytea', { name: 'entry_digests' })
  entryDigests: Buffer;

  /** The hash of the previous seal; zeros in the first one. */
  @Column('bytea', { name: 'previous_hash' })
  previousHash: Buffer;

  @Column('bytea')
  hash: Buffer;

  @Column('timestamptz', { name: 'sealed_at' })
  sealedAt: Date;

  /** Which columns the digests cover. */
  @Column('smallint', { name: 'digest_version' })
  digestVersion: number;
}
