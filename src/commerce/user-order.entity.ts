import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A row of `user_orders`: the user of an order. Payments name only the order. */
@Entity('user_orders')
@Index('user_orders_user_id_idx', ['userId'])
export class UserOrder {
  @PrimaryColumn('text', { name: 'order_id', primaryKeyConstraintName: 'user_orders_pkey' })
  orderId: string;

  @Column('uuid', { name: 'user_id' })
  userId: string;
}
