import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lets the owner of the audit tables remove entries that are in an archive, and nobody else. */
export class ArchiveAudit1796300200000 implements MigrationInterface {
  name = 'ArchiveAudit1796300200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE audit_archives (
        number       bigint NOT NULL,
        cut_at       timestamptz NOT NULL,
        last_seal    bigint NOT NULL,
        last_hash    bytea NOT NULL,
        entry_ids    uuid[] NOT NULL,
        entry_count  integer NOT NULL,
        file_digest  bytea NOT NULL,
        archived_at  timestamptz NOT NULL,
        CONSTRAINT audit_archives_pkey PRIMARY KEY (number)
      )`);
    // The setting prevents accidents. The owner could disable the trigger, which would block all writers meanwhile.
    await queryRunner.query(`
      CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP = 'DELETE' AND TG_TABLE_NAME IN ('audit_entries', 'audit_seals')
          AND current_setting('user_service.archiving', true) = 'on'
          AND pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER')
        THEN RETURN NULL;
        END IF;
        RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER audit_archives_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_archives
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE audit_archives');
    await queryRunner.query(`
      CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
      END $$`);
  }
}
