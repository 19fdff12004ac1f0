import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who changed and who read whose data: entries, the keys of their values, and what still waits to be sealed. */
export class CreateAudit1795388400000 implements MigrationInterface {
  name = 'CreateAudit1795388400000';

  async up(queryRunner: QueryRunner): Promise<void> {
    // No foreign key to users: the trail outlives its subject.
    await queryRunner.query(`
      CREATE TABLE audit_entries (
        position          bigserial NOT NULL,
        id                uuid NOT NULL,
        at                timestamptz NOT NULL,
        actor_id          text,
        user_id           uuid NOT NULL,
        action            text NOT NULL,
        fields            text[] NOT NULL,
        reason            text,
        encrypted_values  bytea,
        CONSTRAINT audit_entries_pkey PRIMARY KEY (id),
        CONSTRAINT audit_entries_position_key UNIQUE (position)
      )`);
    await queryRunner.query(
      'CREATE INDEX audit_entries_user_id_at_id_idx ON audit_entries (user_id, at DESC, id DESC)',
    );
    await queryRunner.query(`
      CREATE TABLE audit_keys (
        user_id     uuid NOT NULL,
        key         bytea NOT NULL,
        created_at  timestamptz NOT NULL,
        CONSTRAINT audit_keys_pkey PRIMARY KEY (user_id)
      )`);
    await queryRunner.query(`
      CREATE TABLE audit_unsealed (
        entry_id  uuid NOT NULL,
        CONSTRAINT audit_unsealed_pkey PRIMARY KEY (entry_id)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of ['audit_unsealed', 'audit_keys', 'audit_entries']) {
      await queryRunner.query(`DROP TABLE ${table}`);
    }
  }
}
