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

  /** @throws UserNotFoundError */
  async export(caller: Caller, userId: string): Promise<ExportedData> {
    const id = parseUserId(userId);
    if (id === null) throw new UserNotFoundError();
    const exported = await this.read(id);
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

  private async read(id: string): Promise<ExportedData> {
    return this.database.transaction(async (tx) => {
      // One snapshot: otherwise a concurrent change makes the sections contradict each other.
      await tx.manager.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const query = <Row>(sql: string, parameters: unknown[]) => tx.manager.query<Row[]>(sql, parameters);
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

type Query = <Row>(sql: string, parameters: unknown[]) => Promise<Row[]>;

async function readAll(query: Query, section: ExportedSection, userId: string): Promise<object[]> {
  const columns = Object.entries(section.values).map(([name, value]) => `${value} AS "${name}"`);
  const rows: object[] = [];
  for (let page = pageSize; page === pageSize; ) {
    const found = await query<object>(
      `SELECT ${columns.join(', ')} FROM ${section.table} WHERE ${section.ofUser}
       ORDER BY ${section.order} LIMIT ${pageSize} OFFSET $2`,
      [userId, rows.length],
    );
    rows.push(...found);
    page = found.length;
  }
  return JSON.parse(JSON.stringify(rows)) as object[];
}
