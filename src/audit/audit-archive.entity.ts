import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `audit_archives`: the checkpoint from which the chain continues after entries were archived. */
@Entity('audit_archives')
export class AuditArchive {
  /** From 1, without gaps. */
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'audit_archives_pkey' })
  number: string;

  /** Sealed entries before this time were archived. */
  @Column('timestamptz', { name: 'cut_at' })
  cutAt: Date;

  /** The last seal that was removed, by this archive or an earlier one; 0 if none was. */
  @Column('bigint', { name: 'last_seal' })
  lastSeal: string;

  /** The hash of that seal; zeros without one. */
  @Column('bytea', { name: 'last_hash' })
  lastHash: Buffer;

  /** Archived entries whose seals stayed, because they seal later entries, too. */
  @Column('uuid', { name: 'entry_ids', array: true })
  entryIds: string[];

  @Column('integer', { name: 'entry_count' })
  entryCount: number;

  /** The SHA-256 of the file. */
  @Column('bytea', { name: 'file_digest' })
  fileDigest: Buffer;

  @Column('timestamptz', { name: 'archived_at' })
  archivedAt: Date;
}
