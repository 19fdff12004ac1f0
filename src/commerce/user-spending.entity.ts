import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A row of `user_spending`: the exact total of a user's orders in one currency, without cancelled ones. */
@Entity('user_spending')
@Index('user_spending_currency_amount_user_id_idx', ['currency', 'amount', 'userId'])
export class UserSpending {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'user_spending_pkey' })
  @ForeignKey('User', { name: 'user_spending_user_id_fkey', onDelete: 'CASCADE' })
  userId: string;

  /** ISO 4217. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'user_spending_pkey' })
  currency: string;

  @Column('numeric')
  amount: string;

  /** The number of orders in the amount. Too low for orders that a replica of an earlier version has added. */
  @Column('integer', { name: 'order_count', default: 1 })
  orderCount: number;
}
