import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Gives the database an id, by which shared services such as Redis tell databases apart. */
export class IdentifyDatabase1795968700000 implements MigrationInterface {
  name = 'IdentifyDatabase1795968700000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      'CREATE TABLE database_identity (id uuid NOT NULL, CONSTRAINT database_identity_pkey PRIMARY KEY (id))',
    );
    await queryRunner.query('INSERT INTO database_identity (id) VALUES (gen_random_uuid())');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE database_identity');
  }
}
