import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Stores the ids that users have in other systems: with the user, and in a table in which each is unique. */
export class CreateExternalIds1796100000000 implements MigrationInterface {
  name = 'CreateExternalIds1796100000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE users ADD COLUMN external_ids jsonb');
    await queryRunner.query(`
      CREATE TABLE external_ids (
        system text,
        external_id text,
        user_id uuid NOT NULL CONSTRAINT external_ids_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
        CONSTRAINT external_ids_pkey PRIMARY KEY (system, external_id)
      )`);
    await queryRunner.query('CREATE INDEX external_ids_user_id_idx ON external_ids (user_id)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE external_ids');
    await queryRunner.query('ALTER TABLE users DROP COLUMN external_ids');
  }
}
