import 'reflect-metadata';
import { deepStrictEqual } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { ask, type Candidate, installPeers, peerNames, startOwn, startPeer } from './candidates';
import { type DataSize, fillDatabase, pickUsers } from './comparison-data';
import { cpuMsOf, watchCpu } from './cpu-use';
import { type LoadRequest, loadServer } from './http-load';
import { type Measurement, mediansOf, ratiosOf } from './measurement';
import { type Stage, withServices } from './stage';
import { type Workload, workloads } from './workloads';

interface Plan {
  readonly size: DataSize;
  readonly rounds: number;
  readonly seconds: number;
  /** How long a candidate runs before the rounds; code that V8 has not optimised yet would count otherwise. */
  readonly warmUpSeconds: number;
  /** How long to wait after audited reads for seals and events, in milliseconds. */
  readonly drainMs: number;
}

const small: DataSize = { users: 20_000, entriesPerUser: 5 };
const large: DataSize = { users: 1_000_000, entriesPerUser: 5 };
const quick: Plan = { size: small, rounds: 3, seconds: 1.5, warmUpSeconds: 3, drainMs: 3_000 };
const full: Plan = { size: large, rounds: 5, seconds: 5, warmUpSeconds: 5, drainMs: 60_000 };

/** How many users the warm workloads read: few enough that all are in the cache after the warm-up. */
const warmUsers = 500;
const openLoopRate = 300;

async function main(args: readonly string[]): Promise<void> {
  const plan = args.includes('--quick') ? quick : full;
  installPeers();
  const only = optionOf(args, 'only')?.split(',');
  const chosen = workloads.filter(({ name }) => !only || only.includes(name));
  const windowSeconds = optionOf(args, 'read-window') ?? '0';
  const settings = { AUDIT_READ_WINDOW_SECONDS: windowSeconds };
  const report = await withServices((open) => open((stage) => compare(stage, plan, chosen, settings)));
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify(report)}\n`);
  else process.stdout.write(`${tableOf(report)}\n`);
  const file = optionOf(args, 'save');
  if (file) writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}

type Report = Awaited<ReturnType<typeof compare>>;

/** The value of `--name=value`. */
function optionOf(args: readonly string[], name: string): string | undefined {
  return args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
}

async function compare(
  stage: Stage,
  plan: Plan,
  chosen: readonly Workload[],
  settings: Readonly<Record<string, string>>,
) {
  say(`Filling a database with ${plan.size.users} users …`);
  await fillDatabase(stage.databaseUrl, plan.size);
  const ids = await pickUsers(stage.databaseUrl, plan.size, warmUsers);
  const own = await startOwn(stage, ids, settings);
  const peers = await Promise.all(peerNames.map((name) => startPeer(name, stage.databaseUrl)));
  try {
    const rows = [];
    for (const workload of chosen) {
      const candidates = candidatesFor(workload, own.byActor, peers);
      await checkSameData(workload, candidates, ids);
      say(`${workload.name}: ${candidates.map(({ name }) => name).join(', ')}`);
      rows.push(await measureWorkload({ workload, candidates, ids, stage, plan }));
    }
    if (chosen.length === workloads.length)
      rows.push(await measureOpenLoop(own.byActor.public, peers, ids, stage));
    return { machine: machine(), rounds: plan.rounds, workloads: rows };
  } finally {
    for (const peer of peers) peer.stop();
    await own.stop();
  }
}

function candidatesFor(
  workload: Workload,
  own: Readonly<Record<string, Candidate>>,
  peers: readonly Candidate[],
): Candidate[] {
  const ours = workload.actors.map((actor) => own[actor] as Candidate);
  const others = peers.filter(({ name }) =>
    workload.peers === 'limit'
      ? name === 'limit'
      : name !== 'constant' || workload.name.startsWith('entities'),
  );
  return [...ours, ...others];
}

/** @throws AssertionError when a candidate returns other data than the limit for the same read */
async function checkSameData(
  workload: Workload,
  candidates: readonly Candidate[],
  ids: readonly string[],
): Promise<void> {
  if (workload.peers === 'limit') return;
  const limit = candidates.find(({ name }) => name === 'limit') as Candidate;
  for (let at = 0; at < 5; at += 1) {
    const about = usersAt(workload, ids, at);
    const expected = await ask(limit, workload.operation(about, 'public'), about);
    for (const candidate of candidates) {
      if (candidate.name === 'constant') continue;
      const actual = await ask(candidate, workload.operation(about, 'public'), about);
      deepStrictEqual(actual, expected, `${candidate.name} returns other data in ${workload.name}`);
    }
  }
}

function usersAt({ usersPerOperation }: Workload, ids: readonly string[], at: number): string[] {
  return Array.from(
    { length: usersPerOperation },
    (_, item) => ids[(at * usersPerOperation + item) % ids.length] as string,
  );
}

/** Requests of one candidate, each about the next users. */
function requestsOf(workload: Workload, candidate: Candidate, ids: readonly string[]): () => LoadRequest {
  let at = 0;
  return () => {
    const about = usersAt(workload, ids, at);
    at += 1;
    return {
      headers: { 'content-type': 'application/json', ...candidate.headers(about) },
      body: JSON.stringify(workload.operation(about, candidate.actor ?? 'public')),
    };
  };
}

interface WorkloadRun {
  readonly workload: Workload;
  readonly candidates: readonly Candidate[];
  readonly ids: readonly string[];
  readonly stage: Stage;
  readonly plan: Plan;
}

/** Runs all candidates in turn, round after round, so that a busy moment of the machine meets all of them. */
async function measureWorkload({ workload, candidates, ids, stage, plan }: WorkloadRun) {
  const measured = new Map<string, Measurement[]>(candidates.map(({ name }) => [name, []]));
  for (let round = -1; round < plan.rounds; round += 1) {
    for (const candidate of candidates) {
      const isWarmUp = round < 0;
      const measurement = await measure(candidate, workload, ids, stage, {
        seconds: isWarmUp ? plan.warmUpSeconds : plan.seconds,
        drainMs: plan.drainMs,
      });
      if (!isWarmUp) measured.get(candidate.name)?.push(measurement);
    }
  }
  const summaries = candidates.map(({ name }) => ({ name, ...mediansOf(measured.get(name) ?? []) }));
  return { name: workload.name, candidates: summaries, ratios: ratiosOf(summaries, measured) };
}

async function measure(
  candidate: Candidate,
  workload: Workload,
  ids: readonly string[],
  stage: Stage,
  { seconds, drainMs, rate }: { seconds: number; drainMs: number; rate?: number },
): Promise<Measurement> {
  const cpuWatch = await watchCpu(stage.database, candidate.pid);
  const cpuBefore = cpuMsOf(candidate.pid) ?? Number.NaN;
  const load = await loadServer({
    url: candidate.url,
    nextRequest: requestsOf(workload, candidate, ids),
    durationSeconds: seconds,
    ...(rate === undefined ? {} : { rate }),
  });
  const cpuMs = (cpuMsOf(candidate.pid) ?? Number.NaN) - cpuBefore;
  if (candidate.actor === 'audited' || candidate.actor === 'staff') await drain(stage, drainMs);
  const used = await cpuWatch.stop();
  const perRequest = (name: string) => ((used.get(name) ?? Number.NaN) * 1_000) / load.requests;
  return {
    requestsPerSecond: (load.requests * 1_000) / load.elapsedMs,
    p50Ms: load.p50Ms,
    p99Ms: load.p99Ms,
    cpuMicrosecondsPerRequest: (cpuMs * 1_000) / load.requests,
    postgresMicrosecondsPerRequest: perRequest('PostgreSQL'),
    redisMicrosecondsPerRequest: perRequest('Redis'),
    rabbitmqMicrosecondsPerRequest: perRequest('RabbitMQ'),
    loadMicrosecondsPerRequest: perRequest('load and witness'),
  };
}

/** Waits until seals and events of audited reads are through; what takes longer is discarded, so that it does not slow down the next candidate. */
async function drain({ database }: Stage, limitMs: number): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  const pending = `SELECT (EXISTS (SELECT 1 FROM outbox_events WHERE published_at IS NULL)
    OR EXISTS (SELECT 1 FROM audit_unsealed)) AS pending`;
  while (performance.now() < deadlineMs) {
    const [row] = await database.query<{ pending: boolean }>(pending);
    if (!row?.pending) return;
    await delay(100);
  }
  await database.query('UPDATE outbox_events SET published_at = now() WHERE published_at IS NULL');
  await database.query('DELETE FROM audit_unsealed');
}

/** The share of requests that meets a fixed rate, whether or not earlier ones have a response: latency without queueing by the load. */
async function measureOpenLoop(
  own: Candidate,
  peers: readonly Candidate[],
  ids: readonly string[],
  stage: Stage,
) {
  const workload = workloads.find(({ name }) => name === 'entities-10') as Workload;
  const candidates = [own, ...peers.filter(({ name }) => name === 'limit' || name === 'mercurius')];
  const summaries = [];
  for (const candidate of candidates) {
    const options = { seconds: 5, drainMs: 0, rate: openLoopRate };
    summaries.push({ name: candidate.name, ...(await measure(candidate, workload, ids, stage, options)) });
  }
  return { name: `open-loop entities-10 at ${openLoopRate}/s`, candidates: summaries, ratios: {} };
}

function machine() {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}

function tableOf({ machine: { cpu, cores, node }, rounds, workloads: rows }: Report): string {
  const lines = [`${cores} cores (${cpu}), Node ${node}, medians of ${rounds} rounds`, ''];
  for (const { name, candidates } of rows) {
    lines.push(
      `### ${name}`,
      '',
      '| candidate | requests/s | p50 ms | p99 ms | CPU µs/request | PostgreSQL | Redis | RabbitMQ | load |',
      '|---|---:|---:|---:|---:|---:|---:|---:|---:|',
      ...candidates.map(
        (it) =>
          `| ${it.name} | ${it.requestsPerSecond} | ${it.p50Ms} | ${it.p99Ms} | ${it.cpuMicrosecondsPerRequest} | ${it.postgresMicrosecondsPerRequest} | ${it.redisMicrosecondsPerRequest} | ${it.rabbitmqMicrosecondsPerRequest} | ${it.loadMicrosecondsPerRequest} |`,
      ),
      '',
    );
  }
  return lines.join('\n');
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

void main(process.argv.slice(2));
