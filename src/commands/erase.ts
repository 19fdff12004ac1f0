import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { EraseUser } from '../privacy/erasure-request';
import type { ErasureReport, Erasures } from '../privacy/erasures';
import { UserNotFoundError } from '../users/user.errors';
import { parseGraceDays } from './arguments';
import { recordOperatorRead } from './operator-reads';
import { countOf } from './output';
import { printErasures, replayErasures } from './replay-ledger';
import { operator, withServices } from './with-services';

const pauseMs = 200;

interface EraseFlags {
  readonly dryRun?: true;
  readonly reason?: string;
  readonly json?: true;
  readonly graceDays?: number;
  /** The path of a ledger file, or true for the ledger that the service writes. */
  readonly replayLedger?: string | true;
  readonly printLedger?: true;
}

/**
 * Adds `erase`, which erases a user as the mutation `eraseUser` does, and waits for the end. After an interruption, run
 * it again to wait for the same erasure, or let the service finish it.
 */
export function registerEraseCommand(program: Command): void {
  program
    .command('erase [id]')
    .description('erase a user permanently; waits until the erasure is complete')
    .option('--dry-run', 'print what would be erased without changing anything')
    .option('--reason <text>', 'reason without personal data, which the erasure and the audit trail keep')
    .option(
      '--grace-days <days>',
      'schedule the erasure for so many days from now, at most 90; 0 starts a scheduled one',
      parseGraceDays,
    )
    .option(
      '--replay-ledger [file]',
      'after a restore from backup: erase again all users in the ledger of erasures, or in a file with ' +
        'one JSON object a line, {"userId": …, "erasedAt": …}',
    )
    .option('--print-ledger', 'print the ids of erased users in the format of --replay-ledger')
    .option('--json', 'print a JSON document')
    .action(async (userId: string | undefined, flags: EraseFlags, command: Command) => {
      const { replayLedger, printLedger } = flags;
      if ([userId, replayLedger, printLedger].filter((it) => it !== undefined).length !== 1)
        command.error('error: expected exactly one of an id, --replay-ledger and --print-ledger', {
          exitCode: 2,
        });
      if (printLedger) await printErasures();
      else if (replayLedger) await replayErasures(replayLedger === true ? null : replayLedger, flags);
      else await eraseOne(userId as string, flags);
    });
}

async function eraseOne(userId: string, { dryRun, reason, json, graceDays = 0 }: EraseFlags): Promise<void> {
  const request = { userId, reason, graceDays };
  const erasure = await withServices(process.env, async ({ services: { erasures }, database }) => {
    if (!dryRun) return finish(erasures, await begin(erasures, request));
    const plan = await erasures.plan(operator, request);
    await recordOperatorRead(database, [plan.userId], 'erasurePlan');
    return plan;
  });
  process.stdout.write(json ? `${JSON.stringify(erasure)}\n` : describe(erasure));
}

/**
 * Begins the erasure, or returns the one of this user that is still running.
 *
 * @throws UserNotFoundError for a user who is unknown or already erased
 */
async function begin(erasures: Erasures, request: EraseUser): Promise<ErasureReport> {
  try {
    return await erasures.erase(operator, request);
  } catch (error) {
    const running = error instanceof UserNotFoundError ? await erasures.findRunningOf(request.userId) : null;
    if (!running) throw error;
    return running;
  }
}

/** Runs the steps of the erasure until it is completed. Waits without a limit while the cache is unavailable. */
async function finish(erasures: Erasures, begun: ErasureReport): Promise<ErasureReport> {
  let erasure = begun;
  while (erasure.status === 'RUNNING') {
    // `advance` is also false while the service runs the step or the cache is unavailable, so it is retried.
    if (!(await erasures.advance(erasure.id))) await delay(pauseMs);
    erasure = (await erasures.find(erasure.id)) ?? erasure;
  }
  return erasure;
}

function describe({ status, scheduledFor, effects }: ErasureReport): string {
  if (status === 'SCHEDULED') return `the erasure is scheduled for ${scheduledFor?.toISOString()}\n`;
  const stores = Object.entries(effects).sort(([one], [other]) => (one < other ? -1 : 1));
  const records = stores.reduce((sum, [, count]) => sum + count, 0);
  const head = `${countOf(records, 'records')} ${status === 'PLANNED' ? 'would be erased' : 'erased'}\n`;
  return head + stores.map(([store, count]) => `  ${store} ${count}\n`).join('');
}
