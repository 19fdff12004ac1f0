import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What other services' events add up to for each user, and where those events stay that cannot be folded (yet). */
export class CreateCommerce1795384800000 implements MigrationInterface {
  name = 'CreateCommerce1795384800000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE user_commerce (
        user_id                 uuid NOT NULL,
        order_count             integer NOT NULL DEFAULT 0,
        last_order_at           timestamptz,
        failed_payment_count    integer NOT NULL DEFAULT 0,
        last_payment_failed_at  timestamptz,
        loyalty_points          numeric NOT NULL DEFAULT 0,
        last_entry_at           timestamptz,
        CONSTRAINT user_commerce_pkey PRIMARY KEY (user_id),
        CONSTRAINT user_commerce_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
      )`);
    await queryRunner.query(`
      CREATE TABLE user_spending (
        user_id   uuid NOT NULL,
        currency  text NOT NULL,
        amount    numeric NOT NULL,
        CONSTRAINT user_spending_pkey PRIMARY KEY (user_id, currency),
        CONSTRAINT user_spending_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
      )`);
    await queryRunner.query(`
      CREATE TABLE user_orders (
        order_id  text NOT NULL,
        user_id   uuid NOT NULL,
        CONSTRAINT user_orders_pkey PRIMARY KEY (order_id),
        CONSTRAINT user_orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
      )`);
    await queryRunner.query('CREATE INDEX user_orders_user_id_idx ON user_orders (user_id)');

    await queryRunner.query(`
      CREATE TABLE waiting_events (
        source        text NOT NULL,
        event_id      text NOT NULL,
        type          text NOT NULL,
        waits_for     text NOT NULL,
        waits_for_id  text NOT NULL,
        event         jsonb NOT NULL,
        received_at   timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT waiting_events_pkey PRIMARY KEY (source, event_id),
        CONSTRAINT waiting_events_waits_for_check CHECK (waits_for IN ('user', 'order'))
      )`);
    await queryRunner.query(
      'CREATE INDEX waiting_events_waits_for_id_idx ON waiting_events (waits_for_id, waits_for)',
    );
    await queryRunner.query('CREATE INDEX waiting_events_received_at_idx ON waiting_events (received_at)');

    await queryRunner.query(`
      CREATE TABLE parked_messages (
        id            uuid NOT NULL,
        fingerprint   text NOT NULL,
        reason        text NOT NULL,
        detail        text NOT NULL,
        type          text,
        source        text,
        event_id      text,
        user_id       uuid,
        exchange      text NOT NULL,
        routing_key   text NOT NULL,
        content_type  text,
        headers       jsonb NOT NULL,
        body          bytea NOT NULL,
        attempts      integer NOT NULL,
        parked_at     timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT parked_messages_pkey PRIMARY KEY (id),
        CONSTRAINT parked_messages_fingerprint_key UNIQUE (fingerprint)
      )`);
    await queryRunner.query(
      'CREATE INDEX parked_messages_parked_at_id_idx ON parked_messages (parked_at, id)',
    );
    await queryRunner.query('CREATE INDEX parked_messages_user_id_idx ON parked_messages (user_id)');

    await queryRunner.query(`
      CREATE TABLE delivery_attempts (
        fingerprint   text NOT NULL,
        attempts      integer NOT NULL,
        attempted_at  timestamptz NOT NULL,
        CONSTRAINT delivery_attempts_pkey PRIMARY KEY (fingerprint)
      )`);
    await queryRunner.query(
      'CREATE INDEX delivery_attempts_attempted_at_idx ON delivery_attempts (attempted_at)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of [
      'delivery_attempts',
      'parked_messages',
      'waiting_events',
      'user_orders',
      'user_spending',
      'user_commerce',
    ]) {
      await queryRunner.query(`DROP TABLE ${table}`);
    }
  }
}
