import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config';
import type { Database } from '../postgres/database';
import { ErasureLedger } from '../privacy/erasure-ledger';
import type { Erasures } from '../privacy/erasures';
import { LedgerReplay } from '../privacy/ledger-replay';
import { readStream } from '../rabbitmq/rabbitmq-stream';
import { erasuresFileIn, readStreamFile } from '../rabbitmq/stream-file';
import { erasuresStream } from '../rabbitmq/topology';
import { reportProgress } from './progress';
import { operator, withServices } from './with-services';

const pauseMs = 200;
const erasuresAtOnce = 10;
const rowsAtOnce = 1_000;

/**
 * Erases again whoever was erased since the backup that was restored, and waits until nothing is left of them. Fails
 * when a line says nothing, or somebody is under a legal hold; all others are erased by then.
 *
 * @param file where the ledger is; null for the one that the service keeps
 */
export async function replayErasures(
  file: string | null,
  { dryRun = false, json = false }: { dryRun?: boolean; json?: boolean },
): Promise<void> {
  const outcome = await withServices(process.env, async ({ erasures }, database, config) => {
    const ledger = await readLedger(file, config);
    const { entries, read, unreadable } = ledger;
    const progress = reportProgress('users', entries.length);
    const onEntry = () => progress.advance();
    const counts = await new LedgerReplay(database, erasures).run(operator, entries, { dryRun, onEntry });
    progress.finish();
    if (!dryRun) await finishAll(erasures);
    return { read, users: entries.length, ...counts, unreadable };
  });
  process.stdout.write(json ? `${JSON.stringify(outcome)}\n` : describe(outcome, dryRun));
  if (outcome.unreadable + outcome.held > 0) process.exitCode = 1;
}

/** Prints everybody who was erased, in lines that `replayErasures` reads. */
export async function printErasures(): Promise<void> {
  await withServices(process.env, async (_services, database) => {
    let count = 0;
    for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
      const rows = await findErased(database, after);
      for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
      count += rows.length;
      after = rows.at(-1)?.userId ?? after;
      if (rows.length < rowsAtOnce) break;
    }
    process.stderr.write(`${count} erased\n`);
  });
}

function findErased(database: Database, after: string): Promise<{ userId: string; erasedAt: Date }[]> {
  return database.query(
    `SELECT user_id AS "userId", erased_at AS "erasedAt" FROM erased_users WHERE user_id > $1
     ORDER BY user_id LIMIT ${rowsAtOnce}`,
    [after],
  );
}

async function readLedger(file: string | null, { amqpUrl, dataDirectory }: Config): Promise<ErasureLedger> {
  const ledger = new ErasureLedger();
  const add = (text: string) => ledger.add(text);
  if (file === null && amqpUrl !== null) await readStream(amqpUrl, erasuresStream, add);
  else await readStreamFile(file ?? erasuresFileIn(dataDirectory), add);
  return ledger;
}

/** Whatever runs, whoever began it: what the backup caught half-way as well. */
async function finishAll(erasures: Erasures): Promise<void> {
  for (;;) {
    const running = await erasures.findRunning(erasuresAtOnce);
    if (running.length === 0) return;
    let advanced = false;
    for (const { id } of running) while (await erasures.advance(id)) advanced = true;
    // The service is at them, or the cache is away: both take a moment.
    if (!advanced) await delay(pauseMs);
  }
}

interface Outcome {
  readonly read: number;
  readonly erasedAgain: number;
  readonly recorded: number;
  readonly alreadyErased: number;
  readonly held: number;
  readonly unreadable: number;
}

function describe(outcome: Outcome, dryRun: boolean): string {
  const { read, erasedAgain, recorded, alreadyErased, held, unreadable } = outcome;
  const line = [
    `${read} read`,
    `${erasedAgain} ${dryRun ? 'to be erased' : 'erased'} again`,
    `${recorded} ${dryRun ? 'to be recorded' : 'recorded'} as erased`,
    `${alreadyErased} already erased`,
    ...(held > 0 ? [`${held} under a legal hold`] : []),
    ...(unreadable > 0 ? [`${unreadable} unreadable`] : []),
  ].join(', ');
  return `${line}\n`;
}
