import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A row per person who tried new e-mail addresses, with the times of the latest tries. */
@Entity('address_changes')
@Index('address_changes_changed_at_idx', ['changedAt'])
export class AddressChange {
  /** No foreign key: the person may have no user yet. */
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'address_changes_pkey' })
  userId: string;

  @Column('timestamptz', { name: 'tried_at', array: true })
  triedAt: Date[];

  @Column('timestamptz', { name: 'changed_at', default: () => 'now()' })
  changedAt: Date;
}
