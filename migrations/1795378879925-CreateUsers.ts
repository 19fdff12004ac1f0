import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Users, what happened to them, the events they cause, and what their mutations need to be exact. */
export class CreateUsers1795378879925 implements MigrationInterface {
  name = 'CreateUsers1795378879925';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE users (
        id                        uuid NOT NULL,
        email                     text NOT NULL,
        email_normalized          text NOT NULL,
        username                  text NOT NULL,
        username_normalized       text NOT NULL,
        pending_email             text,
        first_name                text NOT NULL,
        first_name_normalized     text NOT NULL,
        last_name                 text NOT NULL,
        last_name_normalized      text NOT NULL,
        display_name              text,
        phone_number              text,
        address                   jsonb,
        locale                    text,
        time_zone                 text,
        email_verification        text NOT NULL DEFAULT 'UNVERIFIED',
        email_verified_at         timestamptz,
        phone_verification        text NOT NULL DEFAULT 'UNVERIFIED',
        phone_verified_at         timestamptz,
        status                    text NOT NULL,
        status_reason             text,
        status_notes              text,
        status_changed_at         timestamptz NOT NULL,
        marketing                 boolean NOT NULL DEFAULT false,
        newsletter                boolean NOT NULL DEFAULT false,
        recommendations           boolean NOT NULL DEFAULT false,
        loyalty                   boolean NOT NULL DEFAULT false,
        order_updates             boolean NOT NULL DEFAULT true,
        unsubscribed_at           timestamptz,
        preferences_updated_at    timestamptz,
        version                   integer NOT NULL,
        revision                  integer NOT NULL,
        created_at                timestamptz NOT NULL,
        updated_at                timestamptz NOT NULL,
        CONSTRAINT users_pkey PRIMARY KEY (id),
        CONSTRAINT users_email_normalized_key UNIQUE (email_normalized),
        CONSTRAINT users_username_normalized_key UNIQUE (username_normalized),
        CONSTRAINT users_status_check CHECK (status IN ('PENDING', 'ACTIVE', 'DEACTIVATED')),
        CONSTRAINT users_email_verification_check CHECK (email_verification IN ('UNVERIFIED', 'PENDING', 'VERIFIED')),
        CONSTRAINT users_phone_verification_check CHECK (phone_verification IN ('UNVERIFIED', 'PENDING', 'VERIFIED'))
      )`);
    // Newest first, by keyset.
    await queryRunner.query('CREATE INDEX users_created_at_id_idx ON users (created_at, id)');
    // Prefix search: text_pattern_ops serves LIKE 'x%' under any collation.
    for (const column of [
      'email_normalized',
      'username_normalized',
      'first_name_normalized',
      'last_name_normalized',
    ]) {
      await queryRunner.query(
        `CREATE INDEX users_${column}_prefix_idx ON users (${column} text_pattern_ops)`,
      );
    }
    await queryRunner.query(
      `CREATE INDEX users_pending_created_at_idx ON users (created_at) WHERE status = 'PENDING'`,
    );

    await queryRunner.query(`
      CREATE TABLE user_history (
        id           uuid NOT NULL,
        user_id      uuid NOT NULL,
        type         text NOT NULL,
        occurred_at  timestamptz NOT NULL,
        recorded_at  timestamptz NOT NULL,
        source       text NOT NULL,
        event_id     text NOT NULL,
        late         boolean NOT NULL DEFAULT false,
        summary      text NOT NULL,
        data         jsonb NOT NULL,
        CONSTRAINT user_history_pkey PRIMARY KEY (id),
        CONSTRAINT user_history_source_event_id_key UNIQUE (source, event_id),
        CONSTRAINT user_history_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
      )`);
    await queryRunner.query(
      'CREATE INDEX user_history_user_id_occurred_at_id_idx ON user_history (user_id, occurred_at DESC, id DESC)',
    );

    await queryRunner.query(`
      CREATE TABLE outbox_events (
        id            uuid NOT NULL,
        user_id       uuid NOT NULL,
        version       integer,
        type          text NOT NULL,
        data          jsonb NOT NULL,
        occurred_at   timestamptz NOT NULL,
        traceparent   text,
        published_at  timestamptz,
        CONSTRAINT outbox_events_pkey PRIMARY KEY (id),
        CONSTRAINT outbox_events_user_id_version_key UNIQUE (user_id, version)
      )`);
    // The relay scans what is unpublished, never a moving cursor.
    await queryRunner.query(
      'CREATE INDEX outbox_events_unpublished_idx ON outbox_events (user_id, id) WHERE published_at IS NULL',
    );

    await queryRunner.query(`
      CREATE TABLE email_preference_decisions (
        id           uuid NOT NULL,
        user_id      uuid NOT NULL,
        topic        text NOT NULL,
        granted      boolean NOT NULL,
        source       text,
        actor_id     text NOT NULL,
        decided_at   timestamptz NOT NULL,
        CONSTRAINT email_preference_decisions_pkey PRIMARY KEY (id),
        CONSTRAINT email_preference_decisions_user_id_fkey
          FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
      )`);
    await queryRunner.query(
      'CREATE INDEX email_preference_decisions_user_id_decided_at_idx ON email_preference_decisions (user_id, decided_at)',
    );

    await queryRunner.query(`
      CREATE TABLE email_verification_tokens (
        id            uuid NOT NULL,
        user_id       uuid NOT NULL,
        email_digest  text NOT NULL,
        issued_at     timestamptz NOT NULL,
        expires_at    timestamptz NOT NULL,
        used_at       timestamptz,
        CONSTRAINT email_verification_tokens_pkey PRIMARY KEY (id),
        CONSTRAINT email_verification_tokens_user_id_fkey
          FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
      )`);
    await queryRunner.query(
      'CREATE INDEX email_verification_tokens_user_id_idx ON email_verification_tokens (user_id)',
    );
    await queryRunner.query(
      'CREATE INDEX email_verification_tokens_expires_at_idx ON email_verification_tokens (expires_at)',
    );

    await queryRunner.query(`
      CREATE TABLE idempotency_keys (
        actor_id      text NOT NULL,
        key           text NOT NULL,
        input_digest  text NOT NULL,
        user_id       uuid,
        outcome       text,
        created_at    timestamptz NOT NULL,
        CONSTRAINT idempotency_keys_pkey PRIMARY KEY (actor_id, key)
      )`);
    await queryRunner.query('CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at)');
    await queryRunner.query('CREATE INDEX idempotency_keys_user_id_idx ON idempotency_keys (user_id)');

    await queryRunner.query(`
      CREATE TABLE signing_keys (
        purpose     text NOT NULL,
        key         bytea NOT NULL,
        created_at  timestamptz NOT NULL,
        CONSTRAINT signing_keys_pkey PRIMARY KEY (purpose)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of [
      'signing_keys',
      'idempotency_keys',
      'email_verification_tokens',
      'email_preference_decisions',
      'outbox_events',
      'user_history',
      'users',
    ]) {
      await queryRunner.query(`DROP TABLE ${table}`);
    }
  }
}
