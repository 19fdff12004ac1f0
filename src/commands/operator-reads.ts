import { AccessLog } from '../audit/access-log';
import { AuditRepository } from '../audit/audit.repository';
import { AuditLog } from '../audit/audit-log';
import { Outbox } from '../outbox/outbox';
import type { Database } from '../postgres/database';
import { operator } from './with-services';

/**
 * Maximum number of ids in one statement, because with many more PostgreSQL scans the table instead of the index.
 * Also the maximum number of users in one audit entry and its event.
 */
const idsPerStatement = 1_000;

/**
 * Audits that an operator reads data of these users. Resolves after commit. Skips ids of unknown and PENDING users.
 *
 * @param field the data that is read, by its name in the audit trail
 */
export async function recordOperatorRead(
  database: Database,
  userIds: Iterable<string>,
  field: string,
): Promise<void> {
  const present = await findPresent(database, userIds);
  const accessLog = new AccessLog(database, new AuditLog(new AuditRepository(database), new Outbox()));
  const fields = new Set([field]);
  for (let first = 0; first < present.length; first += idsPerStatement) {
    const ids = present.slice(first, first + idsPerStatement);
    await accessLog.record(operator, new Map(ids.map((id) => [id, fields])));
  }
}

/** Returns the distinct ids that belong to a user, without PENDING users. */
export async function findPresent(database: Database, userIds: Iterable<string>): Promise<string[]> {
  const ids = [...new Set(userIds)];
  const present: string[] = [];
  for (let first = 0; first < ids.length; first += idsPerStatement) {
    const rows = await database.query<{ id: string }>(
      `SELECT id FROM users WHERE id = ANY ($1::uuid[]) AND status <> 'PENDING'`,
      [ids.slice(first, first + idsPerStatement)],
    );
    present.push(...rows.map(({ id }) => id));
  }
  return present;
}
