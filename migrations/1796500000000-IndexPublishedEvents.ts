import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The index of publication times leaves out unpublished events. While statistics are older than a backlog, PostgreSQL
 * expects no unpublished event, and sorted the whole backlog from this index for each pass of the relay.
 */
export class IndexPublishedEvents1796500000000 implements MigrationInterface {
  name = 'IndexPublishedEvents1796500000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX outbox_events_published_at_idx');
    await queryRunner.query(
      'CREATE INDEX outbox_events_published_at_idx ON outbox_events (published_at) WHERE published_at IS NOT NULL',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX outbox_events_published_at_idx');
    await queryRunner.query('CREATE INDEX outbox_events_published_at_idx ON outbox_events (published_at)');
  }
}
