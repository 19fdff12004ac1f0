import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Counts cancelled orders, and finds what a cancelled order has added to its user's total. */
export class CountCancelledOrders1796200000000 implements MigrationInterface {
  name = 'CountCancelledOrders1796200000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE cancelled_orders (
        order_id  text NOT NULL,
        user_id   uuid NOT NULL,
        CONSTRAINT cancelled_orders_pkey PRIMARY KEY (order_id),
        CONSTRAINT cancelled_orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
      )`);
    await queryRunner.query('CREATE INDEX cancelled_orders_user_id_idx ON cancelled_orders (user_id)');
    await queryRunner.query(
      'ALTER TABLE user_commerce ADD COLUMN cancelled_order_count integer NOT NULL DEFAULT 0',
    );
    await queryRunner.query('ALTER TABLE user_spending ADD COLUMN order_count integer NOT NULL DEFAULT 1');
    // Where retention has removed entries, the total contains orders that are counted nowhere: one more for those.
    await queryRunner.query(`
      UPDATE user_spending SET order_count = counted.orders FROM (
        SELECT user_id, data -> 'total' ->> 'currency' AS currency,
          count(*) + coalesce((SELECT history_is_cut::int FROM user_commerce
            WHERE user_commerce.user_id = user_history.user_id), 0) AS orders
        FROM user_history WHERE type = 'ORDER_PLACED' GROUP BY user_id, data -> 'total' ->> 'currency'
      ) AS counted
      WHERE counted.user_id = user_spending.user_id AND counted.currency = user_spending.currency
        AND counted.orders > 1`);
    await queryRunner.query(`
      CREATE INDEX user_history_placed_order_id_idx ON user_history ((data ->> 'orderId'))
      WHERE type = 'ORDER_PLACED'`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX user_history_placed_order_id_idx');
    await queryRunner.query('ALTER TABLE user_spending DROP COLUMN order_count');
    await queryRunner.query('ALTER TABLE user_commerce DROP COLUMN cancelled_order_count');
    await queryRunner.query('DROP TABLE cancelled_orders');
  }
}
