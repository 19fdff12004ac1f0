import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Stores which inactive users were warned, and since when the days until their deactivation count. */
export class WarnInactiveUsers1796220000000 implements MigrationInterface {
  name = 'WarnInactiveUsers1796220000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE inactivity_warnings (
        user_id         uuid NOT NULL,
        last_active_at  timestamptz NOT NULL,
        event_id        uuid NOT NULL,
        warned_at       timestamptz NOT NULL,
        published_at    timestamptz,
        CONSTRAINT inactivity_warnings_pkey PRIMARY KEY (user_id),
        CONSTRAINT inactivity_warnings_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
      )`);
    await queryRunner.query(
      'CREATE INDEX inactivity_warnings_warned_at_user_id_idx ON inactivity_warnings (warned_at, user_id)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE inactivity_warnings');
  }
}
