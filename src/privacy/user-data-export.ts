import type { AuditLog } from '../audit/audit-log';
import type { Database } from '../postgres/database';
import { parseUserId } from '../users/normalized';
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
      for (const section of exportedSections) {
        const rows = await readAll(query, section, id);
        document[section.name] = section.single ? (rows[0] ?? null) : rows;
      }
      if (document.profile === null) throw new UserNotFoundError();
      return { generatedAt: new Date(), document: { ...document, recipients } };
    });
  }
}

type Query = (sql: string, parameters: unknown[]) => Promise<Record<string, unknown>[]>;

/** Reads pages by key, so that the last page costs as much as the first. */
async function readAll(
  query: Query,
  { table, ofUser, order, values }: ExportedSection,
  userId: string,
): Promise<object[]> {
  const keys = order.map((column, index) => ({ column: `${table}.${column}`, name: `key${index}` }));
  const selected = [
    ...Object.entries(values).map(([name, value]) => `${value} AS "${name}"`),
    ...keys.map(({ column, name }) => `${column}::text AS ${name}`),
  ].join(', ');
  const orderBy = keys.map(({ column }) => column).join(', ');
  const rows: object[] = [];
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
