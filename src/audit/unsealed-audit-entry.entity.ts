import { Entity, PrimaryColumn } from 'typeorm';

/** A row of `audit_unsealed`: an entry queued for the sealer. */
@Entity('audit_unsealed')
export class UnsealedAuditEntry {
  @PrimaryColumn('uuid', { name: 'entry_id', primaryKeyConstraintName: 'audit_unsealed_pkey' })
  entryId: string;
}
