import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whose a parked message is, by the users and orders that it names, is read once, when it is parked. */
export class NameUsersOfParkedMessages1795402000000 implements MigrationInterface {
  name = 'NameUsersOfParkedMessages1795402000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `ALTER TABLE parked_messages ADD COLUMN named_user_ids uuid[] NOT NULL DEFAULT '{}'`,
    );
    await queryRunner.query(
      `ALTER TABLE parked_messages ADD COLUMN named_order_ids text[] NOT NULL DEFAULT '{}'`,
    );
    await queryRunner.query(`
      UPDATE parked_messages SET named_user_ids = ARRAY(
        SELECT DISTINCT lower(found[1])::uuid FROM regexp_matches(
          encode(body, 'escape') || ' ' || headers::text,
          '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})', 'gi') AS found),
        named_order_ids = ARRAY(
        SELECT DISTINCT coalesce(found[1], found[2]) FROM regexp_matches(
          encode(body, 'escape'),
          '"orderId"\\s*:\\s*(?:"([^"\\\\]{1,255})"|([^",}\\s]{1,255}))', 'g') AS found)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE parked_messages DROP COLUMN named_order_ids');
    await queryRunner.query('ALTER TABLE parked_messages DROP COLUMN named_user_ids');
  }
}
