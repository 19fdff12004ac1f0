import { randomBytes } from 'node:crypto';
import { type KeysetPosition, keysetTime, type Positioned } from '../history/keyset';
import type { Database, Transaction } from '../postgres/database';
import type { AuditEntry } from './audit-entry.entity';
import { decryptValues } from './audit-values';

/** An entry to be written; its position is given by the database. */
export type NewAuditEntry = Omit<AuditEntry, 'position'>;

/** An entry as auditors read it: without values. */
export type AuditTrailEntry = Omit<AuditEntry, 'position' | 'encryptedValues'>;

/** Makes each user a key of 32 bytes the first time; whoever holds the users' row locks is alone here. */
const ensureKeys = `
  WITH made AS (
    INSERT INTO audit_keys (user_id, key) SELECT * FROM unnest($1::uuid[], $2::bytea[])
    ON CONFLICT ON CONSTRAINT audit_keys_pkey DO NOTHING RETURNING user_id, key
  )
  SELECT user_id AS id, key FROM made
  UNION ALL SELECT user_id, key FROM audit_keys WHERE user_id = ANY ($1::uuid[])`;

const insertEntries = `
  WITH given AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS it (id uuid, at timestamptz, "actorId" text, "userId" uuid,
      action text, fields text[], reason text, "encryptedValues" text)
  ), queued AS (
    INSERT INTO audit_unsealed (entry_id) SELECT id FROM given
  )
  INSERT INTO audit_entries (id, at, actor_id, user_id, action, fields, reason, encrypted_values)
  SELECT id, at, "actorId", "userId", action, fields, reason, decode("encryptedValues", 'base64') FROM given`;

/** The audit tables. Entries are added and read, never changed. */
export class AuditRepository {
  constructor(private readonly database: Database) {}

  /** The keys of these users' values by user id; made where there are none. */
  async ensureKeys(tx: Transaction, userIds: ReadonlySet<string>): Promise<Map<string, Buffer>> {
    if (userIds.size === 0) return new Map();
    const ids = [...userIds];
    const rows: { id: string; key: Buffer }[] = await tx.manager.query(ensureKeys, [
      ids,
      ids.map(() => randomBytes(32)),
    ]);
    return new Map(rows.map(({ id, key }) => [id, key]));
  }

  /** Writes entries and queues them for the sealer, in one statement. */
  async insert(tx: Transaction, entries: readonly NewAuditEntry[]): Promise<void> {
    const rows = entries.map((entry) => ({
      ...entry,
      encryptedValues: entry.encryptedValues?.toString('base64') ?? null,
    }));
    await tx.manager.query(insertEntries, [JSON.stringify(rows)]);
  }

  /**
   * At most `limit` entries about this user after `after`, newest first. The reason of a legal hold is among its
   * values: it is readable until the user is erased.
   */
  async list(
    userId: string,
    limit: number,
    after: KeysetPosition | null,
  ): Promise<Positioned<AuditTrailEntry>[]> {
    const parameters: unknown[] = [userId, limit, ...(after ? [after.at, after.id] : [])];
    const rows = await this.database.query<ListedEntry>(
      `SELECT id, at, actor_id AS "actorId", user_id AS "userId", action, fields, reason,
         ${keysetTime('at')} AS "keysetAt",
         CASE WHEN action LIKE 'LEGAL_HOLD_%' THEN encrypted_values END AS "encryptedValues",
         (SELECT key FROM audit_keys WHERE audit_keys.user_id = $1) AS key
       FROM audit_entries
       WHERE user_id = $1 ${after ? 'AND (at, id) < ($3::timestamptz, $4::uuid)' : ''}
       ORDER BY at DESC, id DESC LIMIT $2`,
      parameters,
    );
    return rows.map(({ keysetAt, encryptedValues, key, ...row }) => ({
      row: encryptedValues && key ? { ...row, reason: readReason(key, row.id, encryptedValues) } : row,
      position: { at: keysetAt, id: row.id },
    }));
  }
}

type ListedEntry = AuditTrailEntry & {
  keysetAt: string;
  encryptedValues: Buffer | null;
  key: Buffer | null;
};

/** What somebody has tampered with is for `audit verify` to tell, not for whoever reads the trail. */
function readReason(key: Buffer, entryId: string, encryptedValues: Buffer): string | null {
  try {
    const reason = decryptValues(key, entryId, encryptedValues).after?.reason;
    return typeof reason === 'string' ? reason : null;
  } catch {
    return null;
  }
}
