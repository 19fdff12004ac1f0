import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lets retention find old history, and remembers whose summary no longer follows from what is left of it. */
export class ExpireHistory1795391400000 implements MigrationInterface {
  name = 'ExpireHistory1795391400000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('CREATE INDEX user_history_recorded_at_idx ON user_history (recorded_at)');
    await queryRunner.query(
      'ALTER TABLE user_commerce ADD COLUMN history_is_cut boolean NOT NULL DEFAULT false',
    );
    await queryRunner.query(
      `CREATE INDEX users_deactivated_at_idx ON users (status_changed_at) WHERE status = 'DEACTIVATED'`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX users_deactivated_at_idx');
    await queryRunner.query('ALTER TABLE user_commerce DROP COLUMN history_is_cut');
    await queryRunner.query('DROP INDEX user_history_recorded_at_idx');
  }
}
