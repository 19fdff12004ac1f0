import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { User } from './user.entity';

/** A row per user who tried new e-mail addresses, with the times of the latest tries. */
@Entity('address_changes')
export class AddressChange {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'address_changes_pkey' })
  @ForeignKey(() => User, { name: 'address_changes_user_id_fkey', onDelete: 'CASCADE' })
  userId: string;

  @Column('timestamptz', { name: 'tried_at', array: true })
  triedAt: Date[];
}
