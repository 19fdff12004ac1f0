import { AccessLog } from '../audit/access-log';
import { AuditRepository } from '../audit/audit.repository';
import { AuditLog } from '../audit/audit-log';
import { Outbox } from '../outbox/outbox';
import type { Database } from '../postgres/database';
import { operator } from './with-services';

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
  const rows = await database.query<{ id: string }>(
    `SELECT id FROM users WHERE id = ANY ($1::uuid[]) AND status <> 'PENDING'`,
    [[...new Set(userIds)]],
  );
  if (rows.length === 0) return;
  const accessLog = new AccessLog(database, new AuditLog(new AuditRepository(database), new Outbox()));
  await accessLog.record(operator, new Map(rows.map(({ id }) => [id, new Set([what])])));
}
