import type { Command } from 'commander';
import { AuditRepository } from '../audit/audit.repository';
import { AuditLog } from '../audit/audit-log';
import { Outbox } from '../outbox/outbox';
import type { ParkedMessagesRepository } from '../parked/parked-messages.repository';
import type { Database } from '../postgres/database';
import { findPresent } from './operator-reads';
import { printLine } from './output';
import { withParkedMessages } from './with-parked-messages';
import { operator } from './with-services';

const longestReason = 500;

interface DiscardOptions {
  readonly reason: string;
  readonly json?: true;
}

/** Adds `parked discard`: deletes parked messages, and audits that for each user that they name. */
export function registerParkedDiscardCommand(parked: Command): void {
  parked
    .command('discard <ids...>')
    .description('delete parked messages; audited for each user that they name')
    .requiredOption('--reason <text>', 'reason for the audit trail, without personal data')
    .option('--json', 'one JSON document a line: the result for each message')
    .action((ids: string[], { reason, json }: DiscardOptions, command: Command) => {
      const storedReason = reason.trim();
      if (storedReason === '' || storedReason.length > longestReason)
        command.error(`error: the reason must have 1 to ${longestReason} characters`, { exitCode: 2 });
      return withParkedMessages((messages, database) =>
        discardAll({ messages, database, storedReason, json: json ?? false }, ids),
      );
    });
}

interface Discarding {
  readonly messages: ParkedMessagesRepository;
  readonly database: Database;
  readonly storedReason: string;
  readonly json: boolean;
}

async function discardAll(discarding: Discarding, ids: readonly string[]): Promise<void> {
  let discarded = 0;
  for (const id of ids) {
    const result = (await discard(discarding, id)) ? 'discarded' : 'unknown';
    if (result === 'discarded') discarded += 1;
    await printLine(discarding.json ? JSON.stringify({ id, result }) : `${id}  ${result}`);
  }
  const unknown = ids.length - discarded;
  const summary = `${discarded} discarded${unknown > 0 ? `, ${unknown} unknown` : ''}\n`;
  (discarding.json ? process.stderr : process.stdout).write(summary);
  if (unknown > 0) process.exitCode = 1;
}

/**
 * Deletes a message in one transaction with an audit entry for each user that it may concern. Erased, unknown and
 * PENDING users get none. Returns false if there is no such message.
 */
async function discard({ messages, database, storedReason }: Discarding, id: string): Promise<boolean> {
  const message = await messages.find(id);
  if (!message) return false;
  const userIds = await findPresent(database, await messages.findUsersNamed([message]));
  const audit = new AuditLog(new AuditRepository(database), new Outbox());
  return database.transaction(async (tx) => {
    if (!(await messages.remove(tx, message.id))) return false;
    const entries = userIds.map((userId) => ({
      origin: operator,
      userId,
      action: 'PARKED_MESSAGE_DISCARDED' as const,
      fields: ['parkedMessages'],
      reason: null,
      storedReason,
      at: new Date(),
      values: null,
    }));
    if (entries.length > 0) await audit.record(tx, ...entries);
    return true;
  });
}
