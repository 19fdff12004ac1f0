import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Counts the new addresses that people try, on all replicas together. */
export class CountAddressChanges1795968100000 implements MigrationInterface {
  name = 'CountAddressChanges1795968100000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE address_changes (
        user_id uuid CONSTRAINT address_changes_pkey PRIMARY KEY
          CONSTRAINT address_changes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
        tried_at timestamptz[] NOT NULL
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE address_changes');
  }
}
