import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The ledger of erasures, what must stay of erased users so that nothing brings them back, and legal holds. */
export class RecordErasures1795390200000 implements MigrationInterface {
  name = 'RecordErasures1795390200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE erasures (
        id            uuid NOT NULL,
        user_id       uuid NOT NULL,
        status        text NOT NULL,
        requested_at  timestamptz NOT NULL,
        completed_at  timestamptz,
        requested_by  text NOT NULL,
        reason        text,
        effects       jsonb NOT NULL,
        CONSTRAINT erasures_pkey PRIMARY KEY (id),
        CONSTRAINT erasures_status_check CHECK (status IN ('RUNNING', 'COMPLETED'))
      )`);
    await queryRunner.query(
      `CREATE INDEX erasures_running_idx ON erasures (requested_at) WHERE status = 'RUNNING'`,
    );
    await queryRunner.query(`
      CREATE TABLE erased_users (
        user_id     uuid NOT NULL,
        erased_at   timestamptz NOT NULL,
        erasure_id  uuid NOT NULL,
        CONSTRAINT erased_users_pkey PRIMARY KEY (user_id)
      )`);
    await queryRunner.query(`
      CREATE TABLE erased_events (
        source    text NOT NULL,
        event_id  text NOT NULL,
        CONSTRAINT erased_events_pkey PRIMARY KEY (source, event_id)
      )`);
    // Without ON DELETE: whatever tries to remove a user under a hold fails.
    await queryRunner.query(`
      CREATE TABLE legal_holds (
        user_id    uuid NOT NULL,
        reason     text NOT NULL,
        placed_by  text NOT NULL,
        placed_at  timestamptz NOT NULL,
        CONSTRAINT legal_holds_pkey PRIMARY KEY (user_id),
        CONSTRAINT legal_holds_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
      )`);
    // A long history is erased in batches after its user is gone; a cascade would be one long statement.
    await queryRunner.query('ALTER TABLE user_history DROP CONSTRAINT user_history_user_id_fkey');
    // Whose an order was stays: a later payment for it is known to be that of an erased user.
    await queryRunner.query('ALTER TABLE user_orders DROP CONSTRAINT user_orders_user_id_fkey');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DELETE FROM user_orders WHERE user_id NOT IN (SELECT id FROM users)');
    await queryRunner.query(`
      ALTER TABLE user_orders ADD CONSTRAINT user_orders_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE`);
    await queryRunner.query('DELETE FROM user_history WHERE user_id NOT IN (SELECT id FROM users)');
    await queryRunner.query(`
      ALTER TABLE user_history ADD CONSTRAINT user_history_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE`);
    for (const table of ['legal_holds', 'erased_events', 'erased_users', 'erasures'])
      await queryRunner.query(`DROP TABLE ${table}`);
  }
}
