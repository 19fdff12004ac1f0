import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Counts the addresses that people try before they are users. The rows expire. */
export class CountAddressesOfNewPeople1796100002000 implements MigrationInterface {
  name = 'CountAddressesOfNewPeople1796100002000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE address_changes DROP CONSTRAINT address_changes_user_id_fkey');
    // With a default, because the previous version writes rows without it during a rolling restart.
    await queryRunner.query(
      'ALTER TABLE address_changes ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now()',
    );
    await queryRunner.query('CREATE INDEX address_changes_changed_at_idx ON address_changes (changed_at)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE address_changes DROP COLUMN changed_at');
    await queryRunner.query('DELETE FROM address_changes WHERE user_id NOT IN (SELECT id FROM users)');
    await queryRunner.query(
      `ALTER TABLE address_changes ADD CONSTRAINT address_changes_user_id_fkey
       FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE`,
    );
  }
}
