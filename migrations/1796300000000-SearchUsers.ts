import type { MigrationInterface, QueryRunner } from 'typeorm';

const compared = ['email_normalized', 'username_normalized', 'first_name_normalized', 'last_name_normalized'];

/** The texts by which a user is found. The bound of 300 characters keeps each far below the longest key of an index. */
const termsOf = (row: string) =>
  `ARRAY[${row}.email_normalized, ${row}.username_normalized,
    ${row}.first_name_normalized || ' ' || ${row}.last_name_normalized, ${row}.last_name_normalized]`;

/** Gives each user the terms by which a search finds it, in one table with one index for prefixes. */
export class SearchUsers1796300000000 implements MigrationInterface {
  name = 'SearchUsers1796300000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    // Accents are the marks that NFKD splits off. The letters in translate() and replace() have no such marks.
    await queryRunner.query(`
      CREATE FUNCTION search_form(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
      RETURN regexp_replace(replace(replace(replace(replace(translate(
        regexp_replace(normalize($1, NFKD), U&'[\\0300-\\036f]+', '', 'g'),
        'øłđħŧıð', 'oldhtid'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'), '\\s+', ' ', 'g')`);
    await queryRunner.query(`
      CREATE TABLE user_search (
        user_id  uuid NOT NULL,
        term     text COLLATE "C" NOT NULL,
        CONSTRAINT user_search_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
      )`);
    await queryRunner.query(`
      INSERT INTO user_search (user_id, term) SELECT id, term
      FROM users, LATERAL (SELECT DISTINCT left(search_form(name), 300) AS term
        FROM unnest(${termsOf('users')}) AS name) AS terms`);
    await queryRunner.query(
      'ALTER TABLE user_search ADD CONSTRAINT user_search_pkey PRIMARY KEY (user_id, term)',
    );
    await queryRunner.query('CREATE INDEX user_search_term_user_id_idx ON user_search (term, user_id)');
    await queryRunner.query('ALTER TABLE user_search ALTER COLUMN term SET STATISTICS 1000');

    // Triggers, so that every statement that writes users keeps the terms, also that of an older replica.
    await queryRunner.query(`
      CREATE FUNCTION write_search_terms() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP = 'UPDATE' THEN DELETE FROM user_search WHERE user_id = NEW.id;
        END IF;
        INSERT INTO user_search (user_id, term) SELECT DISTINCT NEW.id, left(search_form(term), 300)
        FROM unnest(${termsOf('NEW')}) AS term;
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER users_add_search_terms AFTER INSERT ON users
      FOR EACH ROW EXECUTE FUNCTION write_search_terms()`);
    const changed = compared.map((it) => `OLD.${it} <> NEW.${it}`).join(' OR ');
    await queryRunner.query(`
      CREATE TRIGGER users_replace_search_terms AFTER UPDATE OF ${compared.join(', ')} ON users
      FOR EACH ROW WHEN (${changed}) EXECUTE FUNCTION write_search_terms()`);
    for (const column of compared) await queryRunner.query(`DROP INDEX users_${column}_prefix_idx`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const column of compared)
      await queryRunner.query(
        `CREATE INDEX users_${column}_prefix_idx ON users (${column} text_pattern_ops)`,
      );
    await queryRunner.query('DROP TRIGGER users_replace_search_terms ON users');
    await queryRunner.query('DROP TRIGGER users_add_search_terms ON users');
    await queryRunner.query('DROP TABLE user_search');
    await queryRunner.query('DROP FUNCTION write_search_terms');
    await queryRunner.query('DROP FUNCTION search_form');
  }
}
