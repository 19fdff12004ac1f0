import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lets erasures be scheduled, and cancelled until they are due. */
export class ScheduleErasures1796230000000 implements MigrationInterface {
  name = 'ScheduleErasures1796230000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE erasures
        ADD COLUMN scheduled_for timestamptz,
        ADD COLUMN reactivates boolean NOT NULL DEFAULT false,
        DROP CONSTRAINT erasures_status_check,
        ADD CONSTRAINT erasures_status_check CHECK (status IN ('SCHEDULED', 'RUNNING', 'COMPLETED', 'CANCELLED'))`);
    await queryRunner.query(
      `CREATE UNIQUE INDEX erasures_scheduled_user_id_idx ON erasures (user_id) WHERE status = 'SCHEDULED'`,
    );
    await queryRunner.query(
      `CREATE INDEX erasures_scheduled_for_idx ON erasures (scheduled_for, id) WHERE status = 'SCHEDULED'`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX erasures_scheduled_for_idx');
    await queryRunner.query('DROP INDEX erasures_scheduled_user_id_idx');
    await queryRunner.query(`DELETE FROM erasures WHERE status IN ('SCHEDULED', 'CANCELLED')`);
    await queryRunner.query(`
      ALTER TABLE erasures
        DROP COLUMN scheduled_for,
        DROP COLUMN reactivates,
        DROP CONSTRAINT erasures_status_check,
        ADD CONSTRAINT erasures_status_check CHECK (status IN ('RUNNING', 'COMPLETED'))`);
  }
}
