import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ErasureReport, Erasures } from '../privacy/erasures';
import { UserNotFoundError } from '../users/user.errors';
import { recordOperatorRead } from './operator-reads';
import { printErasures, replayErasures } from './replay-ledger';
import { operator, withServices } from './with-services';

const pauseMs = 200;

interface EraseFlags {
  readonly dryRun?: true;
  readonly reason?: string;
  readonly json?: true;
  /** A file, or true for the ledger that the service keeps by itself. */
  readonly replayLedger?: string | true;
  readonly printLedger?: true;
}

/** Adds `erase`: as the mutation. Killed, it is run again, or the service goes on by itself. */
export function registerEraseCommand(program: Command): void {
  program
    .command('erase [id]')
    .description('erase a user for ever; waits until nothing is left')
    .option('--dry-run', 'print what would be erased, and change nothing')
    .option('--reason <text>', 'why, for the ledger and the audit trail; without personal data')
    .option(
      '--replay-ledger [file]',
      'after an older backup was restored: erase again whoever was erased since, as the ledger outside of the ' +
        'database has it, or a file with a line of JSON for each, {"userId": …, "erasedAt": …}',
    )
    .option('--print-ledger', 'print who was erased, in lines for --replay-ledger')
    .option('--json', 'print a JSON document')
    .action(async (userId: string | undefined, flags: EraseFlags, command: Command) => {
      const { replayLedger, printLedger } = flags;
      if ([userId, replayLedger, printLedger].filter((it) => it !== undefined).length !== 1)
        command.error('error: say one of an id, --replay-ledger and --print-ledger', { exitCode: 2 });
      if (printLedger) await printErasures();
      else if (replayLedger) await replayErasures(replayLedger === true ? null : replayLedger, flags);
      else await eraseOne(userId as string, flags);
    });
}

async function eraseOne(userId: string, { dryRun, reason, json }: EraseFlags): Promise<void> {
  const erasure = await withServices(process.env, async ({ erasures }, database) => {
    if (!dryRun) return finish(erasures, await begin(erasures, userId, reason));
    const plan = await erasures.plan({ userId, reason });
    await recordOperatorRead(database, [plan.userId], 'erasurePlan');
    return plan;
  });
  process.stdout.write(json ? `${JSON.stringify(erasure)}\n` : describe(erasure));
}

/** Begins the erasure, or takes up one that somebody began and nobody has finished. */
async function begin(erasures: Erasures, userId: string, reason: string | undefined): Promise<ErasureReport> {
  try {
    return await erasures.erase(operator, { userId, reason });
  } catch (error) {
    const running = error instanceof UserNotFoundError ? await erasures.findRunningOf(userId) : null;
    if (!running) throw error;
    return running;
  }
}

async function finish(erasures: Erasures, begun: ErasureReport): Promise<ErasureReport> {
  let erasure = begun;
  while (erasure.status === 'RUNNING') {
    // False also when the service is at it, or the cache is away: both take a moment.
    if (!(await erasures.advance(erasure.id))) await delay(pauseMs);
    erasure = (await erasures.find(erasure.id)) ?? erasure;
  }
  return erasure;
}

function describe({ status, effects }: ErasureReport): string {
  const stores = Object.entries(effects).sort(([one], [other]) => (one < other ? -1 : 1));
  const records = stores.reduce((sum, [, count]) => sum + count, 0);
  const head = `${records} records ${status === 'PLANNED' ? 'would be erased' : 'erased'}\n`;
  return head + stores.map(([store, count]) => `  ${store} ${count}\n`).join('');
}
