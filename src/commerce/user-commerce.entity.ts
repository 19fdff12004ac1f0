import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A row of `user_commerce`: the summary of the commerce entries in a user's history. */
@Entity('user_commerce')
@Index('user_commerce_order_count_user_id_idx', ['orderCount', 'userId'])
export class UserCommerce {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'user_commerce_pkey' })
  @ForeignKey('User', { name: 'user_commerce_user_id_fkey', onDelete: 'CASCADE' })
  userId: string;

  @Column('integer', { name: 'order_count', default: 0 })
  orderCount: number;

  @Column('timestamptz', { name: 'last_order_at', nullable: true })
  lastOrderAt: Date | null;

  @Column('integer', { name: 'cancelled_order_count', default: 0 })
  cancelledOrderCount: number;

  @Column('integer', { name: 'failed_payment_count', default: 0 })
  failedPaymentCount: number;

  @Column('timestamptz', { name: 'last_payment_failed_at', nullable: true })
  lastPaymentFailedAt: Date | null;

  /** A whole number of any size. */
  @Column('numeric', { name: 'loyalty_points', default: 0 })
  loyaltyPoints: string;

  /** True if retention has deleted commerce entries, so that the summary cannot be recomputed from the others. */
  @Column('boolean', { name: 'history_is_cut', default: false })
  historyIsCut: boolean;

  /** The time of the latest commerce entry. An event with an earlier time is folded, and its entry is marked `late`. */
  @Column('timestamptz', { name: 'last_entry_at', nullable: true })
  lastEntryAt: Date | null;
}
