import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { orderPlaced } from '../test/testkit/commerce-events';
import { type Candidate, installPeers, type OwnCandidates, startOwn } from './candidates';
import { fillDatabase, pickUsers } from './comparison-data';
import { loadServer } from './http-load';
import { median, rate, type Stage, withChannel, withServices } from './stage';
import { workloads } from './workloads';

const size = { users: 20_000, entriesPerUser: 5 };
const replicaCounts = [1, 2, 4] as const;
const rounds = 3;
const totalConnections = 32;
const warmUpSeconds = 2;
const secondsPerLoad = 3;
const orderCount = 10_000;

/** Operations a second of all replicas together. */
interface Rates {
  readonly reads: number;
  readonly updates: number;
  readonly folds: number;
}

/** Compares one, two and four replicas of the service on the same PostgreSQL, Redis and RabbitMQ, and prints a table. */
async function main(): Promise<void> {
  installPeers();
  await withServices((open) => open(compare));
}

async function compare(stage: Stage): Promise<void> {
  await fillDatabase(stage.databaseUrl, size);
  const ids = await pickUsers(stage.databaseUrl, size, 500);
  const measured = new Map<number, Rates[]>(replicaCounts.map((count) => [count, []]));
  for (let round = 0; round < rounds; round += 1)
    for (const count of replicaCounts) measured.get(count)?.push(await measure(stage, count, ids));
  process.stdout.write(
    '| replicas | references of 10 users/s | updates/s | orders folded/s |\n|---:|---:|---:|---:|\n',
  );
  for (const [count, all] of measured) {
    const of = (pick: (it: Rates) => number) => Math.round(median(all.map(pick)));
    process.stdout.write(
      `| ${count} | ${of((it) => it.reads)} | ${of((it) => it.updates)} | ${of((it) => it.folds)} |\n`,
    );
  }
}

async function measure(stage: Stage, count: number, ids: readonly string[]): Promise<Rates> {
  const replicas: OwnCandidates[] = [];
  try {
    for (let at = 0; at < count; at += 1) replicas.push(await startOwn(stage, []));
    const load = (name: string, pick: (own: OwnCandidates) => Candidate, seconds: number) =>
      loadAll(name, replicas.map(pick), ids, seconds);
    await load('entities-10', (own) => own.byActor.public, warmUpSeconds);
    const reads = await load('entities-10', (own) => own.byActor.public, secondsPerLoad);
    await load('update-user', (own) => own.byActor.staff, warmUpSeconds);
    const updates = await load('update-user', (own) => own.byActor.staff, secondsPerLoad);
    return { reads, updates, folds: await measureFolds(stage, ids) };
  } finally {
    for (const replica of replicas) await replica.stop();
  }
}

/** Loads all replicas in parallel and returns their operations a second. */
async function loadAll(
  name: string,
  candidates: readonly Candidate[],
  ids: readonly string[],
  durationSeconds: number,
): Promise<number> {
  const workload = workloads.find((it) => it.name === name) as (typeof workloads)[number];
  let at = 0;
  const results = await Promise.all(
    candidates.map((candidate) =>
      loadServer({
        url: candidate.url,
        connections: totalConnections / candidates.length,
        durationSeconds,
        nextRequest: () => {
          const about = Array.from(
            { length: workload.usersPerOperation },
            (_, item) => ids[(at + item) % ids.length] as string,
          );
          at += workload.usersPerOperation;
          return {
            headers: { 'content-type': 'application/json', ...candidate.headers(about) },
            body: JSON.stringify(workload.operation(about, candidate.actor ?? 'public')),
          };
        },
      }),
    ),
  );
  return results.reduce((sum, { requests, elapsedMs }) => sum + rate(requests, elapsedMs), 0);
}

/** Publishes orders and returns how many a second the replicas fold, from the first publish to the last entry. */
async function measureFolds({ amqpUrl, prefix, database }: Stage, ids: readonly string[]): Promise<number> {
  const countEntries = async () => {
    const [row] = await database.query<{ entries: string }>('SELECT count(*) AS entries FROM user_orders');
    return Number(row?.entries);
  };
  const before = await countEntries();
  const startedAtMs = performance.now();
  await withChannel(amqpUrl, async (channel) => {
    for (let at = 0; at < orderCount; at += 1) {
      const { exchange, routingKey, body, properties } = orderPlaced(ids[at % ids.length] as string);
      channel.publish(`${prefix}${exchange}`, routingKey, body, { ...properties, persistent: true });
    }
    await channel.waitForConfirms();
  });
  while ((await countEntries()) < before + orderCount) await delay(20);
  return rate(orderCount, performance.now() - startedAtMs);
}

void main();
