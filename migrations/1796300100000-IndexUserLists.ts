import type { MigrationInterface, QueryRunner } from 'typeorm';

const indexes = {
  users_updated_at_id_idx: 'users (updated_at, id)',
  users_last_name_id_idx: 'users ((search_form(last_name_normalized) COLLATE "C"), id)',
  users_status_created_at_id_idx: 'users (status, created_at, id)',
  users_email_verification_created_at_id_idx: 'users (email_verification, created_at, id)',
  users_phone_number_idx: 'users (phone_number) WHERE phone_number IS NOT NULL',
  user_commerce_order_count_user_id_idx: 'user_commerce (order_count, user_id)',
  user_spending_currency_amount_user_id_idx: 'user_spending (currency, amount, user_id)',
};

/** Adds an index for each order and each filter of the list of users. */
export class IndexUserLists1796300100000 implements MigrationInterface {
  name = 'IndexUserLists1796300100000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const [name, columns] of Object.entries(indexes))
      await queryRunner.query(`CREATE INDEX ${name} ON ${columns}`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const name of Object.keys(indexes)) await queryRunner.query(`DROP INDEX ${name}`);
  }
}
