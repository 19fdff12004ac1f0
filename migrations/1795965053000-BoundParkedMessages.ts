import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Of a large body only the beginning is stored, with its size. */
export class BoundParkedMessages1795965053000 implements MigrationInterface {
  name = 'BoundParkedMessages1795965053000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE parked_messages ADD COLUMN body_bytes integer');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE parked_messages DROP COLUMN body_bytes');
  }
}
