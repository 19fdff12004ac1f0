import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Stores when users last signed in, in a table of its own: signing in changes no user. */
export class RecordSignIns1796210000000 implements MigrationInterface {
  name = 'RecordSignIns1796210000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE user_activity (
        user_id       uuid NOT NULL,
        last_seen_at  timestamptz NOT NULL,
        CONSTRAINT user_activity_pkey PRIMARY KEY (user_id),
        CONSTRAINT user_activity_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE user_activity');
  }
}
