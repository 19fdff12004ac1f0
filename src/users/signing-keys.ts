import { randomBytes } from 'node:crypto';
import type { Database } from '../postgres/database';

/** What a key is for; a key is never used for two things. */
export type KeyPurpose = 'email-verification' | 'idempotency' | 'unsubscribe';

/** A key and its number among the keys of its purpose. */
export interface NumberedKey {
  readonly generation: number;
  /** 32 random bytes. */
  readonly key: Buffer;
}

/** Secret keys that all replicas share, made by whichever needs one first and kept in PostgreSQL. */
export class SigningKeys {
  private readonly newest = new Map<KeyPurpose, Promise<NumberedKey>>();
  private readonly older = new Map<string, Buffer>();

  constructor(private readonly database: Database) {}

  /** The key to sign with: the newest there was when this process first asked, the same one until it ends. */
  async get(purpose: KeyPurpose): Promise<NumberedKey> {
    const known = this.newest.get(purpose);
    if (known) return known;
    const reading = this.readNewest(purpose);
    this.newest.set(purpose, reading);
    // A failure is no answer to remember.
    reading.catch(() => this.newest.delete(purpose));
    return reading;
  }

  /** A key that something was signed with, also one that was replaced since; null when it is gone. */
  async find(purpose: KeyPurpose, generation: number): Promise<Buffer | null> {
    const name = `${purpose} ${generation}`;
    const known = this.older.get(name);
    if (known) return known;
    const [row] = await this.database.query<{ key: Buffer }>(
      'SELECT key FROM signing_keys WHERE purpose = $1 AND generation = $2',
      [purpose, generation],
    );
    if (row) this.older.set(name, row.key);
    return row?.key ?? null;
  }

  /**
   * Makes a new key, which processes that start from now on sign with; answers its number. What was signed before
   * keeps working where it is checked with `find`.
   */
  async rotate(purpose: KeyPurpose): Promise<number> {
    const [row] = await this.database.query<{ generation: number }>(
      `INSERT INTO signing_keys (purpose, generation, key, created_at)
       SELECT $1, coalesce(max(generation), 0) + 1, $2, now() FROM signing_keys WHERE purpose = $1
       RETURNING generation`,
      [purpose, randomBytes(32)],
    );
    if (!row) throw new Error(`no signing key for ${purpose} was made`);
    this.newest.delete(purpose);
    return row.generation;
  }

  private async readNewest(purpose: KeyPurpose): Promise<NumberedKey> {
    await this.database.query(
      `INSERT INTO signing_keys (purpose, generation, key, created_at)
       SELECT $1, 1, $2, now() WHERE NOT EXISTS (SELECT FROM signing_keys WHERE purpose = $1)
       ON CONFLICT DO NOTHING`,
      [purpose, randomBytes(32)],
    );
    const [row] = await this.database.query<NumberedKey>(
      'SELECT generation, key FROM signing_keys WHERE purpose = $1 ORDER BY generation DESC LIMIT 1',
      [purpose],
    );
    if (!row) throw new Error(`the signing key for ${purpose} is gone`);
    return row;
  }
}
