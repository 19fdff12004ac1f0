import { Entity, PrimaryColumn } from 'typeorm';

/** The id of this database, in one row. A migration makes it. */
@Entity('database_identity')
export class DatabaseIdentity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'database_identity_pkey' })
  id: string;
}
