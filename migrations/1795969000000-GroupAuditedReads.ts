import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lets one audit entry record what a request read of many users. Changes keep `user_id` and `fields`. */
export class GroupAuditedReads1795969000000 implements MigrationInterface {
  name = 'GroupAuditedReads1795969000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE audit_entries ALTER COLUMN user_id DROP NOT NULL');
    await queryRunner.query('ALTER TABLE audit_entries ALTER COLUMN fields DROP NOT NULL');
    await queryRunner.query('ALTER TABLE audit_entries ADD COLUMN user_ids uuid[]');
    await queryRunner.query('ALTER TABLE audit_entries ADD COLUMN field_groups jsonb');
    // Users who are read often share one update of the index. A longer pending list would make the insert that
    // empties it, and each lookup, take longer.
    await queryRunner.query(
      `CREATE INDEX audit_entries_user_ids_idx ON audit_entries USING gin (user_ids)
       WITH (fastupdate = on, gin_pending_list_limit = 256) WHERE user_ids IS NOT NULL`,
    );
    // An event with many ids is stored for seconds until it is published: compressing it would cost more than its bytes.
    await queryRunner.query('ALTER TABLE outbox_events ALTER COLUMN data SET STORAGE EXTERNAL');
    // No default: a replica of the previous version fails to seal entries whose new columns it does not read.
    await queryRunner.query('ALTER TABLE audit_seals ADD COLUMN digest_version smallint NOT NULL DEFAULT 1');
    await queryRunner.query('ALTER TABLE audit_seals ALTER COLUMN digest_version DROP DEFAULT');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE audit_seals DROP COLUMN digest_version');
    await queryRunner.query('ALTER TABLE outbox_events ALTER COLUMN data SET STORAGE EXTENDED');
    await queryRunner.query('DROP INDEX audit_entries_user_ids_idx');
    await queryRunner.query('ALTER TABLE audit_entries DROP COLUMN field_groups');
    await queryRunner.query('ALTER TABLE audit_entries DROP COLUMN user_ids');
    await queryRunner.query('ALTER TABLE audit_entries ALTER COLUMN fields SET NOT NULL');
    await queryRunner.query('ALTER TABLE audit_entries ALTER COLUMN user_id SET NOT NULL');
  }
}
