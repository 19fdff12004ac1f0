import { randomBytes } from 'node:crypto';
import type { Database } from '../postgres/database';

/** What a key is for; a key is never used for two things. */
export type KeyPurpose = 'email-verification' | 'idempotency';

/** Secret keys that all replicas share, made by whichever needs one first and kept in PostgreSQL. */
export class SigningKeys {
  private readonly known = new Map<KeyPurpose, Buffer>();

  constructor(private readonly database: Database) {}

  /** 32 random bytes, the same ones for ever and on every replica. */
  async get(purpose: KeyPurpose): Promise<Buffer> {
    const known = this.known.get(purpose);
    if (known) return known;
    await this.database.query(
      'INSERT INTO signing_keys (purpose, key, created_at) VALUES ($1, $2, now()) ON CONFLICT DO NOTHING',
      [purpose, randomBytes(32)],
    );
    const [row] = await this.database.query<{ key: Buffer }>(
      'SELECT key FROM signing_keys WHERE purpose = $1',
      [purpose],
    );
    if (!row) throw new Error(`the signing key for ${purpose} is gone`);
    this.known.set(purpose, row.key);
    return row.key;
  }
}
