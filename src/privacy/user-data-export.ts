import { changesOf } from '../audit/audit-changes';
import type { AuditLog } from '../audit/audit-log';
import { decryptValues } from '../audit/audit-values';
import { personalDataMap } from '../personal-data/personal-data-map';
import type { Database } from '../postgres/database';
import { columnsOf } from '../postgres/entity-columns';
import { parseUserId } from '../users/normalized';
import { User } from '../users/user.entity';
import { UserNotFoundError } from '../users/user.errors';
import type { Caller } from '../users/user-changes';
import { type ExportedSection, exportedSections, recipients } from './exported-sections';

/** All stored data about a user, from one snapshot. */
export interface ExportedData {
  readonly generatedAt: Date;
  /** Conforms to contract/user-data-export.schema.json. */
  readonly document: Record<string, unknown>;
}

const pageSize = 1_000;

/** The columns of users that only staff may read. */
const staffFields = new Set(
  columnsOf(User)
    .filter(({ name }) => personalDataMap['users']?.columns[name]?.readers === 'staff')
    .map(({ property }) => property),
);

/** Exports the stored data about one user, from PostgreSQL and never from the cache. */
export class UserDataExport {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Stops before the next statement when `signal` aborts.
   *
   * @throws UserNotFoundError, or the reason of `signal`
   */
  async export(caller: Caller, userId: string, signal?: AbortSignal): Promise<ExportedData> {
    const id = parseUserId(userId);
    if (id === null) throw new UserNotFoundError();
    const exported = await this.read(id, signal);
    // Committed before the data is returned. A person's own export is not audited.
    if (parseUserId(caller.actor.id) !== id)
      await this.database.transaction((tx) =>
        this.audit.recordAccess(tx, {
          origin: caller,
          action: 'USER_DATA_EXPORTED',
          fieldsByUser: new Map([[id, new Set(exportedSections.map(({ name }) => name))]]),
          reason: null,
          at: exported.generatedAt,
        }),
      );
    return exported;
  }

  private async read(id: string, signal: AbortSignal | undefined): Promise<ExportedData> {
    return this.database.transaction(async (tx) => {
      // One snapshot: otherwise a concurrent change makes the sections contradict each other.
      await tx.manager.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const query: Query = (sql, parameters) => {
        signal?.throwIfAborted();
        return tx.manager.query(sql, parameters);
      };
      const document: Record<string, unknown> = { userId: id };
      const key = await readAuditKey(query, id);
      for (const section of exportedSections) {
        const rows = await readAll(query, section, id);
        if (section.name === 'accesses') decryptChanges(rows, key);
        document[section.name] = section.single ? (rows[0] ?? null) : rows;
      }
      if (document.profile === null) throw new UserNotFoundError();
      return { generatedAt: new Date(), document: { ...document, recipients } };
    });
  }
}

type Query = (sql: string, parameters: unknown[]) => Promise<Record<string, unknown>[]>;

async function readAuditKey(query: Query, userId: string): Promise<Buffer | null> {
  const [row] = await query('SELECT key FROM audit_keys WHERE user_id = $1', [userId]);
  return (row?.key as Buffer | undefined) ?? null;
}

/** Replaces encrypted changes, in place, by what they changed. Those of fields that are for staff are left out. */
function decryptChanges(rows: readonly Record<string, unknown>[], key: Buffer | null): void {
  for (const row of rows) {
    const encrypted = row.changes as { entryId: string; values: string } | null;
    if (encrypted === null) continue;
    const bytes = Buffer.from(encrypted.values, 'base64');
    row.changes =
      key &&
      changesOf(decryptValues(key, encrypted.entryId, bytes)).filter(({ field }) => !staffFields.has(field));
  }
}

/** Reads pages by key, so that the last page costs as much as the first. */
async function readAll(
  query: Query,
  { table, ofUser, order, values }: ExportedSection,
  userId: string,
): Promise<Record<string, unknown>[]> {
  const keys = order.map((column, index) => ({ column: `${table}.${column}`, name: `key${index}` }));
  const selected = [
    ...Object.entries(values).map(([name, value]) => `${value} AS "${name}"`),
    ...keys.map(({ column, name }) => `${column}::text AS ${name}`),
  ].join(', ');
  const orderBy = keys.map(({ column }) => column).join(', ');
  const rows: Record<string, unknown>[] = [];
  let last: unknown[] = [];
  for (let count = pageSize; count === pageSize; ) {
    const follows = `AND (${orderBy}) > (${keys.map((_key, index) => `$${index + 2}`).join(', ')})`;
    const page = await query(
      `SELECT ${selected} FROM ${table} WHERE ${ofUser} ${last.length > 0 ? follows : ''}
       ORDER BY ${orderBy} LIMIT ${pageSize}`,
      [userId, ...last],
    );
    last = keys.map(({ name }) => page.at(-1)?.[name]);
    count = page.length;
    for (const row of page) {
      for (const { name } of keys) delete row[name];
      rows.push(row);
    }
  }
  return rows;
}
