import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Gives outbox rows a place in their user's order and a lane, so that relays can share the work and keep the order. */
export class OrderOutbox1795381200000 implements MigrationInterface {
  name = 'OrderOutbox1795381200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    // Drawn under the user's row lock, so positions rise with each user's versions.
    await queryRunner.query('ALTER TABLE outbox_events ADD COLUMN position bigserial NOT NULL');
    await queryRunner.query('ALTER TABLE outbox_events ADD COLUMN lane smallint NOT NULL DEFAULT 0');
    await queryRunner.query('ALTER TABLE outbox_events ALTER COLUMN lane DROP DEFAULT');
    await queryRunner.query('DROP INDEX outbox_events_unpublished_idx');
    await queryRunner.query(
      'CREATE INDEX outbox_events_unpublished_idx ON outbox_events (lane, position) WHERE published_at IS NULL',
    );
    await queryRunner.query('CREATE INDEX outbox_events_published_at_idx ON outbox_events (published_at)');
    await queryRunner.query('CREATE INDEX outbox_events_occurred_at_idx ON outbox_events (occurred_at)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX outbox_events_occurred_at_idx');
    await queryRunner.query('DROP INDEX outbox_events_published_at_idx');
    await queryRunner.query('DROP INDEX outbox_events_unpublished_idx');
    await queryRunner.query('ALTER TABLE outbox_events DROP COLUMN lane');
    await queryRunner.query('ALTER TABLE outbox_events DROP COLUMN position');
    await queryRunner.query(
      'CREATE INDEX outbox_events_unpublished_idx ON outbox_events (user_id, id) WHERE published_at IS NULL',
    );
  }
}
