import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config';
import type { Database } from '../postgres/database';
import { keysetStart } from '../postgres/keyset';
import { ErasureLedger } from '../privacy/erasure-ledger';
import type { Erasures } from '../privacy/erasures';
import { LedgerReplay } from '../privacy/ledger-replay';
import { readStream } from '../rabbitmq/rabbitmq-stream';
import { erasuresFileIn, readStreamFile } from '../rabbitmq/stream-file';
import { erasuresStream } from '../rabbitmq/topology';
import { createProgress, printLine } from './output';
import { operator, withServices } from './with-services';

const pauseMs = 200;
const erasureBatchSize = 10;
const pageSize = 1_000;

/**
 * After a restore from backup, erases again the users in the ledger and waits until all erasures are complete. Sets the
 * exit code to 1 if a line is unreadable or a user is under a legal hold. All other users are erased nevertheless.
 *
 * @param file path of the ledger; null for the one that the service writes
 */
export async function replayErasures(
  file: string | null,
  { dryRun = false, json = false }: { dryRun?: boolean; json?: boolean },
): Promise<void> {
  const outcome = await withServices(process.env, async ({ services: { erasures }, database, config }) => {
    const ledger = await readLedger(file, config);
    const { entries, read, unreadable } = ledger;
    const progress = createProgress('users', entries.length);
    const onEntry = () => progress.advance();
    const counts = await new LedgerReplay(database, erasures).run(operator, entries, { dryRun, onEntry });
    progress.finish();
    if (!dryRun) await finishAll(erasures);
    return { read, users: entries.length, ...counts, unreadable };
  });
  process.stdout.write(json ? `${JSON.stringify(outcome)}\n` : describe(outcome, dryRun));
  if (outcome.unreadable + outcome.held > 0) process.exitCode = 1;
}

/** Prints all erased ids in the format that `replayErasures` reads. */
export async function printErasures(): Promise<void> {
  await withServices(process.env, async ({ database }) => {
    let count = 0;
    for (let after = keysetStart.id; ; ) {
      const rows = await findErased(database, after);
      for (const row of rows) await printLine(JSON.stringify(row));
      count += rows.length;
      after = rows.at(-1)?.userId ?? after;
      if (rows.length < pageSize) break;
    }
    process.stderr.write(`${count} erased\n`);
  });
}

function findErased(database: Database, after: string): Promise<{ userId: string; erasedAt: Date }[]> {
  return database.query(
    `SELECT user_id AS "userId", erased_at AS "erasedAt" FROM erased_users WHERE user_id > $1
     ORDER BY user_id LIMIT ${pageSize}`,
    [after],
  );
}

/**
 * Reads the ledger from the file. If `file` is null, reads the ledger that the service writes. That is a stream of
 * RabbitMQ, or without AMQP_URL a file in the data directory.
 */
async function readLedger(file: string | null, { amqpUrl, dataDirectory }: Config): Promise<ErasureLedger> {
  const ledger = new ErasureLedger();
  const add = (text: string) => ledger.add(text);
  if (file === null && amqpUrl !== null) await readStream(amqpUrl, erasuresStream, add);
  else await readStreamFile(file ?? erasuresFileIn(dataDirectory), add);
  return ledger;
}

/** Completes all running erasures, including those that were running when the backup was taken. */
async function finishAll(erasures: Erasures): Promise<void> {
  for (;;) {
    const running = await erasures.findRunning(erasureBatchSize);
    if (running.length === 0) return;
    let advanced = false;
    for (const { id } of running) while (await erasures.advance(id)) advanced = true;
    // The service runs the steps, or the cache is unavailable, so the steps are retried.
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
