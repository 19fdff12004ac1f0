import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Orders users by their last sign-in, and lists those that never signed in. */
export class OrderBySignIns1796300300000 implements MigrationInterface {
  name = 'OrderBySignIns1796300300000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      'CREATE INDEX user_activity_last_seen_at_user_id_idx ON user_activity (last_seen_at, user_id)',
    );
    // An index cannot have the users that another table lacks, so triggers list them.
    await queryRunner.query(`
      CREATE TABLE unseen_users (
        user_id  uuid NOT NULL,
        CONSTRAINT unseen_users_pkey PRIMARY KEY (user_id),
        CONSTRAINT unseen_users_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
      )`);
    await queryRunner.query(`
      INSERT INTO unseen_users (user_id) SELECT id FROM users
      WHERE NOT EXISTS (SELECT FROM user_activity WHERE user_id = users.id) ORDER BY id`);
    await queryRunner.query(`
      CREATE FUNCTION add_unseen_user() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO unseen_users (user_id) VALUES (NEW.id);
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER users_add_unseen AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION add_unseen_user()`);
    await queryRunner.query(`
      CREATE FUNCTION remove_seen_user() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        DELETE FROM unseen_users WHERE user_id = NEW.user_id;
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER user_activity_remove_unseen AFTER INSERT ON user_activity
      FOR EACH ROW EXECUTE FUNCTION remove_seen_user()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TRIGGER user_activity_remove_unseen ON user_activity');
    await queryRunner.query('DROP TRIGGER users_add_unseen ON users');
    await queryRunner.query('DROP TABLE unseen_users');
    await queryRunner.query('DROP FUNCTION remove_seen_user');
    await queryRunner.query('DROP FUNCTION add_unseen_user');
    await queryRunner.query('DROP INDEX user_activity_last_seen_at_user_id_idx');
  }
}
