import { randomBytes } from 'node:crypto';
import type { Database } from '../postgres/database';

/** The only use of a key. */
export type KeyPurpose = 'email-verification' | 'phone-verification' | 'idempotency' | 'unsubscribe';

/** A key and its number among the keys of its purpose. */
export interface NumberedKey {
  readonly generation: number;
  /** 32 random bytes. */
  readonly key: Buffer;
}

/** Secret keys in PostgreSQL, shared by all replicas. The first replica that needs a key creates it. */
export class SigningKeys {
  private readonly newest = new Map<KeyPurpose, Promise<NumberedKey>>();
  private readonly older = new Map<string, Buffer>();

  constructor(private readonly database: Database) {}

  /** Returns the key to sign with: the newest one at the first call of this process, the same one until it ends. */
  async get(purpose: KeyPurpose): Promise<NumberedKey> {
    const known = this.newest.get(purpose);
    if (known) return known;
    const reading = this.readNewest(purpose);
    this.newest.set(purpose, reading);
    // Failures are not cached.
    reading.catch(() => this.newest.delete(purpose));
    return reading;
  }

  /** Returns a key by its number, also one that was rotated out; null if it was deleted. */
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
   * Creates a key and returns its number. Processes that start after that sign with it. Older signatures stay valid
   * where `find` supplies the key.
   */
  async rotate(purpose: KeyPurpose): Promise<number> {
    const [row] = await this.database.query<{ generation: number }>(
      `INSERT INTO signing_keys (purpose, generation, key, created_at)
       SELECT $1, coalesce(max(generation), 0) + 1, $2, now() FROM signing_keys WHERE purpose = $1
       RETURNING generation`,
      [purpose, randomBytes(32)],
    );
    if (!row) throw new Error(`could not create a signing key for ${purpose}`);
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
    if (!row) throw new Error(`the signing key for ${purpose} is missing`);
    return row;
  }
}
