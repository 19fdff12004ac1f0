import type { MigrationInterface, QueryRunner } from 'typeorm';

/** An erasure finds the parked messages that name the user or one of the user's orders by index. */
export class IndexIdsOfParkedMessages1795968190000 implements MigrationInterface {
  name = 'IndexIdsOfParkedMessages1795968190000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      'CREATE INDEX parked_messages_named_user_ids_idx ON parked_messages USING gin (named_user_ids)',
    );
    await queryRunner.query(
      'CREATE INDEX parked_messages_named_order_ids_idx ON parked_messages USING gin (named_order_ids)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX parked_messages_named_order_ids_idx');
    await queryRunner.query('DROP INDEX parked_messages_named_user_ids_idx');
  }
}
