import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Decisions about e-mail are evidence: what was read, and nothing changed afterwards. Keys of a purpose follow each other. */
export class KeepConsents1795398000000 implements MigrationInterface {
  name = 'KeepConsents1795398000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE email_preference_decisions ADD COLUMN wording_version text');
    await queryRunner.query(`
      CREATE FUNCTION refuse_decision_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER email_preference_decisions_append_only
        BEFORE UPDATE OR TRUNCATE ON email_preference_decisions
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_decision_change()`);
    // Looked at when the transaction commits: by then whoever erases a user has removed the user as well.
    await queryRunner.query(`
      CREATE FUNCTION refuse_lone_decision_delete() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF EXISTS (SELECT FROM users WHERE id = OLD.user_id) THEN
          RAISE EXCEPTION '% is append-only: DELETE is refused while the user is there', TG_TABLE_NAME;
        END IF;
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE CONSTRAINT TRIGGER email_preference_decisions_go_with_their_user
        AFTER DELETE ON email_preference_decisions DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse_lone_decision_delete()`);

    await queryRunner.query('ALTER TABLE signing_keys ADD COLUMN generation integer NOT NULL DEFAULT 1');
    await queryRunner.query('ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_pkey');
    await queryRunner.query(
      'ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (purpose, generation)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DELETE FROM signing_keys WHERE generation > 1');
    await queryRunner.query('ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_pkey');
    await queryRunner.query(
      'ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (purpose)',
    );
    await queryRunner.query('ALTER TABLE signing_keys DROP COLUMN generation');
    for (const trigger of ['append_only', 'go_with_their_user'])
      await queryRunner.query(
        `DROP TRIGGER email_preference_decisions_${trigger} ON email_preference_decisions`,
      );
    for (const name of ['refuse_decision_change', 'refuse_lone_decision_delete'])
      await queryRunner.query(`DROP FUNCTION ${name}`);
    await queryRunner.query('ALTER TABLE email_preference_decisions DROP COLUMN wording_version');
  }
}
