import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whose a parked message may be is read once, when it is parked: also where only its decoded form tells. */
export class NameUsersOfParkedMessages1795402000000 implements MigrationInterface {
  name = 'NameUsersOfParkedMessages1795402000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `ALTER TABLE parked_messages ADD COLUMN named_user_ids uuid[] NOT NULL DEFAULT '{}'`,
    );
    await queryRunner.query(`
      UPDATE parked_messages SET named_user_ids = ARRAY(
        SELECT DISTINCT lower(found[1])::uuid FROM regexp_matches(
          encode(body, 'escape') || ' ' || headers::text,
          '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})', 'gi') AS found)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE parked_messages DROP COLUMN named_user_ids');
  }
}
