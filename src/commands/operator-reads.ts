import { AccessLog } from '../audit/access-log';
import { AuditRepository } from '../audit/audit.repository';
import { AuditLog } from '../audit/audit-log';
import { Outbox } from '../outbox/outbox';
import type { Database } from '../postgres/database';
import { operator } from './with-services';

/** With many more in one statement PostgreSQL would rather read the whole table than look each of them up. */
const idsPerLookup = 1_000;

/**
 * Puts what an operator is about to see into the audit trail of those of these users who are here; resolves when that
 * is committed.
 *
 * @param what of a user's data, as the trail names it
 */
export async function recordOperatorRead(
  database: Database,
  userIds: Iterable<string>,
  what: string,
): Promise<void> {
  const ids = [...new Set(userIds)];
  const here: string[] = [];
  for (let first = 0; first < ids.length; first += idsPerLookup) {
    const rows = await database.query<{ id: string }>(
      `SELECT id FROM users WHERE id = ANY ($1::uuid[]) AND status <> 'PENDING'`,
      [ids.slice(first, first + idsPerLookup)],
    );
    here.push(...rows.map(({ id }) => id));
  }
  if (here.length === 0) return;
  const accessLog = new AccessLog(database, new AuditLog(new AuditRepository(database), new Outbox()));
  await accessLog.record(operator, new Map(here.map((id) => [id, new Set([what])])));
}
