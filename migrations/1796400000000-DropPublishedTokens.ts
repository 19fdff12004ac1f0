import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Drops the tokens of published events. The relay drops them from now on. */
export class DropPublishedTokens1796400000000 implements MigrationInterface {
  name = 'DropPublishedTokens1796400000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `UPDATE outbox_events SET data = data - 'token'
       WHERE type = 'UserEmailVerificationRequested' AND published_at IS NOT NULL`,
    );
  }

  async down(): Promise<void> {
    // The tokens are gone.
  }
}
