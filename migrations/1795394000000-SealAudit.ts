import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Chains audit entries with seals, and lets neither be changed once they are written. */
export class SealAudit1795394000000 implements MigrationInterface {
  name = 'SealAudit1795394000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE audit_seals (
        number         bigint NOT NULL,
        entry_ids      uuid[] NOT NULL,
        entry_digests  bytea NOT NULL,
        previous_hash  bytea NOT NULL,
        hash           bytea NOT NULL,
        sealed_at      timestamptz NOT NULL,
        CONSTRAINT audit_seals_pkey PRIMARY KEY (number)
      )`);
    // Nothing here may be changed without being noticed, and nobody would notice a change of this.
    await queryRunner.query('ALTER TABLE audit_keys DROP COLUMN created_at');
    await queryRunner.query(`
      CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
      END $$`);
    for (const table of ['audit_entries', 'audit_seals']) {
      await queryRunner.query(`
        CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()`);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TRIGGER audit_entries_append_only ON audit_entries');
    await queryRunner.query('DROP TABLE audit_seals');
    await queryRunner.query('DROP FUNCTION refuse_audit_change');
    await queryRunner.query(
      'ALTER TABLE audit_keys ADD COLUMN created_at timestamptz NOT NULL DEFAULT now()',
    );
    await queryRunner.query('ALTER TABLE audit_keys ALTER COLUMN created_at DROP DEFAULT');
  }
}
