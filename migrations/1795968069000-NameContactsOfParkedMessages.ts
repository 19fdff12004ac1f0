import type { MigrationInterface, QueryRunner } from 'typeorm';

/** An erasure finds parked messages by the user's address and number. Older messages are found by ids only. */
export class NameContactsOfParkedMessages1795968069000 implements MigrationInterface {
  name = 'NameContactsOfParkedMessages1795968069000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `ALTER TABLE parked_messages ADD COLUMN named_contacts text[] NOT NULL DEFAULT '{}'`,
    );
    await queryRunner.query(
      'CREATE INDEX parked_messages_named_contacts_idx ON parked_messages USING gin (named_contacts)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE parked_messages DROP COLUMN named_contacts');
  }
}
