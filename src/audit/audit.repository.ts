import { randomBytes } from 'node:crypto';
import { auditedCountOfUser, auditedFieldsOfUser } from '../personal-data/audit-entries-of-user';
import type { Database, Transaction } from '../postgres/database';
import { follows, type KeysetPage, keysetTime, type Positioned } from '../postgres/keyset';
import { prepared } from '../postgres/prepared';
import { insertRows, type Write } from '../postgres/write';
import { type AuditChange, changesOf } from './audit-changes';
import { type AuditAction, AuditEntry } from './audit-entry.entity';
import { AuditKey } from './audit-key.entity';
import { type ChangedValues, decryptValues } from './audit-values';
import { UnsealedAuditEntry } from './unsealed-audit-entry.entity';

/** An entry to write; PostgreSQL assigns its position. */
export type NewAuditEntry = Omit<AuditEntry, 'position'>;

/** An entry about one user as auditors read it, without encrypted values and the ids of other users. */
export type AuditTrailEntry = Pick<AuditEntry, 'id' | 'at' | 'actorId' | 'action' | 'reason'> & {
  /** Names of the fields that were changed or read of this user. */
  readonly fields: string[];
  /** How many actions the entry stands for: 1, or more for repeated reads. */
  readonly count: number;
  /** Decrypts the changed values. Returns null if the entry has none, or if the user's key was deleted. */
  readonly readChanges: () => AuditChange[] | null;
};

/** Thrown for a time whose audit entries were moved to an archive. */
export class ArchivedTimeError extends Error {
  override readonly name = 'ArchivedTimeError';

  constructor(readonly cutAt: Date) {
    super(`audit entries before ${cutAt.toISOString()} are archived`);
  }
}

/** A change of a user and its values. */
export interface ValuedChange {
  readonly action: AuditAction;
  readonly values: ChangedValues;
}

/**
 * Returns the users' keys and inserts missing ones. A key that another transaction inserts concurrently would be
 * absent. The caller's row locks of the users prevent that.
 */
const ensureKeys = `
  WITH made AS (
    INSERT INTO audit_keys (user_id, key) SELECT * FROM unnest($1::uuid[], $2::bytea[])
    ON CONFLICT ON CONSTRAINT audit_keys_pkey DO NOTHING RETURNING user_id, key
  )
  SELECT user_id AS id, key FROM made
  UNION ALL SELECT user_id, key FROM audit_keys WHERE user_id = ANY ($1::uuid[])`;

/** Reads and writes the audit tables. Entries are inserted and read, never updated. */
export class AuditRepository {
  constructor(private readonly database: Database) {}

  /** Returns the audit keys of these users by user id, after creating missing ones. */
  async ensureKeys(tx: Transaction, userIds: ReadonlySet<string>): Promise<Map<string, Buffer>> {
    if (userIds.size === 0) return new Map();
    const ids = [...userIds];
    const rows: { id: string; key: Buffer }[] = await tx.manager.query(prepared(ensureKeys), [
      ids,
      ids.map(() => randomBytes(32)),
    ]);
    return new Map(rows.map(({ id, key }) => [id, key]));
  }

  /** Returns the audit keys of these users by user id. A user without one is absent. */
  async findKeys(userIds: readonly string[]): Promise<Map<string, Buffer>> {
    const rows = await this.database.query<{ id: string; key: Buffer }>(
      prepared('SELECT user_id AS id, key FROM audit_keys WHERE user_id = ANY ($1::uuid[])'),
      [userIds],
    );
    return new Map(rows.map(({ id, key }) => [id, key]));
  }

  /** Returns new keys and their write, for users inserted in the same transaction. It fails for a user with a key. */
  newKeys(userIds: ReadonlySet<string>): { keys: Map<string, Buffer>; write: Write } {
    const keys = new Map([...userIds].map((id) => [id, randomBytes(32)]));
    const rows = [...keys].map(([userId, key]) => ({ userId, key }));
    return { keys, write: insertRows(AuditKey, rows) };
  }

  /** Returns the writes that insert entries and queue them for the sealer. */
  writes(entries: readonly NewAuditEntry[]): [Write, Write] {
    const queued = entries.map(({ id }) => ({ entryId: id }));
    return [insertRows(AuditEntry, entries), insertRows(UnsealedAuditEntry, queued)];
  }

  /**
   * Returns at most `limit` entries about this user after `after`, newest first. The reason of a legal hold is stored
   * as a value: it is null once the user is erased.
   *
   * @throws ArchivedTimeError for a position before the cut of an archive
   */
  async list(userId: string, { limit, after, signal }: KeysetPage): Promise<Positioned<AuditTrailEntry>[]> {
    if (after) await this.checkNotArchived(new Date(after.at));
    const parameters: unknown[] = [userId, limit];
    const bind = (value: unknown) => `$${parameters.push(value)}`;
    const following = after ? `AND ${follows('at', after, 'newest first', bind)}` : '';
    const page = `${following} ORDER BY at DESC, id DESC LIMIT $2`;
    // Each half uses an index of its own; changes come from theirs already in order.
    const rows = await this.database.query<ListedEntry>(
      `SELECT id, at, actor_id AS "actorId", action, ${auditedFieldsOfUser} AS fields,
         ${auditedCountOfUser} AS count, reason,
         ${keysetTime('at')} AS "keysetAt",
         encrypted_values AS "encryptedValues",
         (SELECT key FROM audit_keys WHERE audit_keys.user_id = $1) AS key
       FROM (
         (SELECT * FROM audit_entries WHERE user_id = $1 ${page})
         UNION ALL (SELECT * FROM audit_entries WHERE user_ids @> ARRAY[$1::uuid] ${page})
       ) AS entries
       ORDER BY at DESC, id DESC LIMIT $2`,
      parameters,
      signal,
    );
    return rows.map(({ keysetAt, encryptedValues, key, ...row }) => {
      const isHold = row.action.startsWith('LEGAL_HOLD_');
      const values = () => (encryptedValues && key ? readValues(key, row.id, encryptedValues) : null);
      const reason = isHold ? reasonIn(values()) : row.reason;
      const readChanges = () => {
        const changed = isHold ? null : values();
        return changed && changesOf(changed);
      };
      return { row: { ...row, reason, readChanges }, position: { at: keysetAt, id: row.id } };
    });
  }

  /** @throws ArchivedTimeError for a time before the cut of an archive, whose entries are not here */
  async checkNotArchived(at: Date, tx?: Transaction): Promise<void> {
    const newestCut = 'SELECT max(cut_at) AS "cutAt" FROM audit_archives';
    const [last]: { cutAt: Date | null }[] = tx
      ? await tx.manager.query(newestCut)
      : await this.database.query(newestCut);
    if (last?.cutAt && at < last.cutAt) throw new ArchivedTimeError(last.cutAt);
  }

  /** Returns the changes of a user after a time that have values, newest first. None of them may be archived. */
  async listChangesAfter(tx: Transaction, userId: string, at: Date): Promise<ValuedChange[]> {
    const rows: { id: string; action: AuditAction; values: Buffer; key: Buffer }[] = await tx.manager.query(
      `SELECT id, action, encrypted_values AS values, key FROM audit_entries JOIN audit_keys USING (user_id)
       WHERE user_id = $1 AND at > $2 AND encrypted_values IS NOT NULL ORDER BY position DESC`,
      [userId, at],
    );
    return rows.map(({ id, action, values, key }) => ({ action, values: decryptValues(key, id, values) }));
  }
}

type ListedEntry = Omit<AuditTrailEntry, 'readChanges'> & {
  keysetAt: string;
  encryptedValues: Buffer | null;
  key: Buffer | null;
};

/** Returns null for values that do not decrypt: `audit verify` reports tampering, the trail stays readable. */
function readValues(key: Buffer, entryId: string, encryptedValues: Buffer): ChangedValues | null {
  try {
    return decryptValues(key, entryId, encryptedValues);
  } catch {
    return null;
  }
}

function reasonIn(values: ChangedValues | null): string | null {
  const reason = values?.after?.reason;
  return typeof reason === 'string' ? reason : null;
}
