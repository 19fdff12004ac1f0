import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { User } from './user.entity';

/** A row per external id, so that an id in a system belongs to one user. `users.external_ids` has the same ids. */
@Entity('external_ids')
@Index('external_ids_user_id_idx', ['userId'])
export class ExternalIdHolder {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'external_ids_pkey' })
  system: string;

  @PrimaryColumn('text', { name: 'external_id', primaryKeyConstraintName: 'external_ids_pkey' })
  externalId: string;

  @Column('uuid', { name: 'user_id' })
  @ForeignKey(() => User, { name: 'external_ids_user_id_fkey', onDelete: 'CASCADE' })
  userId: string;
}
