import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Stores digests of the codes that confirm phone numbers, with their tries. */
export class CreatePhoneVerificationCodes1796100001000 implements MigrationInterface {
  name = 'CreatePhoneVerificationCodes1796100001000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE phone_verification_codes (
        id uuid CONSTRAINT phone_verification_codes_pkey PRIMARY KEY,
        user_id uuid NOT NULL
          CONSTRAINT phone_verification_codes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
        phone_digest text NOT NULL,
        code_digest text NOT NULL,
        tries integer NOT NULL DEFAULT 0,
        issued_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        used_at timestamptz
      )`);
    await queryRunner.query(
      `CREATE INDEX phone_verification_codes_user_id_issued_at_idx
       ON phone_verification_codes (user_id, issued_at)`,
    );
    await queryRunner.query(
      'CREATE INDEX phone_verification_codes_expires_at_idx ON phone_verification_codes (expires_at)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE phone_verification_codes');
  }
}
