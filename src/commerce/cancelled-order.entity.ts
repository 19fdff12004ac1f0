import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A row of `cancelled_orders`: an order that counts as cancelled, however many events say so. */
@Entity('cancelled_orders')
@Index('cancelled_orders_user_id_idx', ['userId'])
export class CancelledOrder {
  @PrimaryColumn('text', { name: 'order_id', primaryKeyConstraintName: 'cancelled_orders_pkey' })
  orderId: string;

  @Column('uuid', { name: 'user_id' })
  @ForeignKey('User', { name: 'cancelled_orders_user_id_fkey', onDelete: 'CASCADE' })
  userId: string;
}
