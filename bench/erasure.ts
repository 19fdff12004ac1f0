import 'reflect-metadata';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openDevelopmentIssuer } from '../src/authentication/development-issuer';
import { startServiceProcess } from '../test/testkit/service-processes';
import { type DeletionWatch, watchDeletions } from './deletion-watch';
import { type Reads, startReads } from './read-load';
import { percentile, type Stage, withServices } from './stage';

const readers = 100;
const erasedUsers = 3;
const entriesOfErased = 10_000;
const expiredEntries = 100_000;
const quietMs = 10_000;

/** The results of one phase. */
interface Phase {
  readonly name: string;
  readonly reads: Reads;
  readonly deletions: DeletionWatch;
  readonly durationMs: number;
}

/** Measures reads alone, during the erasure of users with long histories, and during retention. */
async function measure(stage: Stage): Promise<Phase[]> {
  const directory = mkdtempSync(join(tmpdir(), 'user-service-bench-'));
  const issuer = await openDevelopmentIssuer(join(directory, '.data'));
  const staff = await issuer.issueToken({ sub: 'staff', scope: 'users:read users:write' });
  const officer = await issuer.issueToken({ sub: 'officer', scope: 'users:privacy' });
  const service = await startServiceProcess({
    ...stage,
    directory,
    redisPrefix: `${stage.prefix}user:`,
    amqpPrefix: stage.prefix,
  });
  try {
    const read = await createUsers(service.url, staff, readers);
    const erased = await createUsers(service.url, staff, erasedUsers);
    await addHistory(stage, erased, { each: entriesOfErased, ageDays: 0 });
    await addHistory(stage, read, { each: expiredEntries / readers, ageDays: 400 });
    await addHistory(stage, read, { each: 20, ageDays: 0 });
    await stage.database.query('ANALYZE');
    const during = async (name: string, work: () => Promise<unknown>): Promise<Phase> => {
      const watch = await watchDeletions(stage.database);
      const load = startReads({ url: service.url, token: staff, ids: read });
      const startedAtMs = performance.now();
      const failure = await work().then(
        () => null,
        (error: unknown) => error as Error,
      );
      const durationMs = performance.now() - startedAtMs;
      const phase = { name, durationMs, reads: await load.stop(), deletions: await watch.stop() };
      if (failure) throw failure;
      return phase;
    };
    // Warms up plans, caches and the JIT compiler before the measurement.
    await during('warm-up', () => delay(5_000));
    return [
      await during('reads alone', () => delay(quietMs)),
      await during(
        `erasing ${erasedUsers} users with ${entriesOfErased} entries, one after another`,
        async () => {
          for (const userId of erased) await erase(stage, { url: service.url, token: officer, userId });
        },
      ),
      await during(`retention of ${expiredEntries} entries`, () => runRetention(stage)),
      await during('reads alone again', () => delay(quietMs)),
    ];
  } finally {
    await service.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Created {
  readonly createUser: { readonly user: { readonly id: string } };
}

interface Mutation {
  readonly url: string;
  readonly token: string;
  readonly query: string;
  readonly variables: object;
}

async function post({ url, token, query, variables }: Mutation): Promise<Created> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: Created; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

async function createUsers(url: string, token: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < count; at += 1) {
    const email = `ada.${randomBytes(8).toString('hex')}@example.com`;
    const data = await post({
      url,
      token,
      query:
        'mutation ($input: CreateUserInput!) { createUser(input: $input) { ... on CreateUserSuccess { user { id } } } }',
      variables: { input: { email, firstName: 'Ada', lastName: 'Lovelace' } },
    });
    ids.push(data.createUser.user.id);
  }
  return ids;
}

/** Adds `each` entries to the history of every user, all `ageDays` old. */
async function addHistory(
  { database }: Stage,
  ids: string[],
  { each, ageDays }: { each: number; ageDays: number },
): Promise<void> {
  for (const id of ids)
    await database.query(
      `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
       SELECT gen_random_uuid(), $1::uuid, 'ORDER_PLACED', at, at, 'bench', gen_random_uuid(), 'An order', '{"total": 10}'
       FROM generate_series(1, $2::int) AS n, LATERAL (SELECT now() - make_interval(days => $3, secs => n)) AS it (at)`,
      [id, each, ageDays],
    );
}

interface ErasureRequest {
  readonly url: string;
  readonly token: string;
  readonly userId: string;
}

async function erase({ database }: Stage, { url, token, userId }: ErasureRequest): Promise<void> {
  const query = `mutation ($input: EraseUserInput!) { eraseUser(input: $input) { ... on EraseUserSuccess { erasure { id } } } }`;
  // The request may time out under load. The erasure continues regardless.
  const request = post({ url, token, query, variables: { input: { userId } } }).catch(() => undefined);
  for (let done = false; !done; await delay(20)) {
    const rows = await database.query(`SELECT 1 FROM erasures WHERE user_id = $1 AND status = 'COMPLETED'`, [
      userId,
    ]);
    done = rows.length === 1;
  }
  await request;
}

/** Runs the `retention` command in a separate process. */
async function runRetention({ databaseUrl, redisUrl }: Stage): Promise<void> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['scripts/run.cjs', 'src/cli.ts', 'retention', '--json'],
    {
      env: {
        PATH: process.env['PATH'],
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl,
        RETENTION_HISTORY_DAYS: '365',
      },
    },
  );
  const { historyEntries } = JSON.parse(stdout) as { historyEntries: number };
  if (historyEntries !== expiredEntries) throw new Error(`retention removed ${historyEntries} entries`);
}

function print({ name, durationMs, reads, deletions }: Phase): void {
  process.stdout.write(`${name} (${(durationMs / 1_000).toFixed(1)} s)\n`);
  for (const [what, responseMs] of Object.entries(reads.responseMs)) {
    const [p50, p99, most] = [0.5, 0.99, 1].map((share) => percentile(responseMs, share).toFixed(1));
    process.stdout.write(
      `  ${what.padEnd(28)} ${responseMs.length} reads, p50 ${p50} ms, p99 ${p99} ms, longest ${most} ms\n`,
    );
  }
  if (reads.failed > 0) process.stdout.write(`  ${reads.failed} reads FAILED\n`);
  if (deletions.statements === 0) return;
  const { statements, rows, mostRows, longestTransactionMs, lockWaits } = deletions;
  process.stdout.write(
    `  deleted ${rows} entries in ${statements} statements, at most ${mostRows} in one; ` +
      `longest transaction ${longestTransactionMs.toFixed(0)} ms; seen waiting for a lock: ${lockWaits}\n`,
  );
}

async function main(): Promise<void> {
  const load = loadavg()[0]?.toFixed(1);
  await withServices(async (open) => {
    const { phases, version } = await open(async (stage) => {
      const [row] = await stage.database.query<{ server_version: string }>('SHOW server_version');
      return { phases: await measure(stage), version: row?.server_version.split(' ')[0] };
    });
    for (const phase of phases) print(phase);
    const [cpu] = cpus();
    process.stdout.write(
      `\n${new Date().toISOString().slice(0, 10)}; ${cpu?.model}, ${cpus().length} cores (load ${load} at the start), ` +
        `Node ${process.version}, PostgreSQL ${version}\n`,
    );
    const failed = phases.some(({ reads, deletions }) => reads.failed > 0 || deletions.mostRows > 1_000);
    if (failed) process.exitCode = 1;
  });
}

// Exits explicitly because pools and connections may still be open.
void main().then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`${(error as Error).stack}\n`);
    process.exit(1);
  },
);
