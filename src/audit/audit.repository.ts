import { randomBytes } from 'node:crypto';
import type { Database, Transaction } from '../postgres/database';
import { type KeysetPosition, keysetTime, type Positioned } from '../postgres/keyset';
import { prepared } from '../postgres/prepared';
import { insertRows, type Write } from '../postgres/write';
import { AuditEntry } from './audit-entry.entity';
import { AuditKey } from './audit-key.entity';
import { decryptValues } from './audit-values';
import { UnsealedAuditEntry } from './unsealed-audit-entry.entity';

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

/** The audit tables. Entries are added and read, never changed. */
export class AuditRepository {
  constructor(private readonly database: Database) {}

  /** The keys of these users' values by user id; made where there are none. */
  async ensureKeys(tx: Transaction, userIds: ReadonlySet<string>): Promise<Map<string, Buffer>> {
    if (userIds.size === 0) return new Map();
    const ids = [...userIds];
    const rows: { id: string; key: Buffer }[] = await tx.manager.query(prepared(ensureKeys), [
      ids,
      ids.map(() => randomBytes(32)),
    ]);
    return new Map(rows.map(({ id, key }) => [id, key]));
  }

  /** Keys for users who begin with the statement that writes them; a user who had a key cannot be written. */
  newKeys(userIds: ReadonlySet<string>): { keys: Map<string, Buffer>; write: Write } {
    const keys = new Map([...userIds].map((id) => [id, randomBytes(32)]));
    const rows = [...keys].map(([userId, key]) => ({ userId, key }));
    return { keys, write: insertRows(AuditKey, rows) };
  }

  /** Entries to be written together, queued for the sealer. */
  writes(entries: readonly NewAuditEntry[]): [Write, Write] {
    const queued = entries.map(({ id }) => ({ entryId: id }));
    return [insertRows(AuditEntry, entries), insertRows(UnsealedAuditEntry, queued)];
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
