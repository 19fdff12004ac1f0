import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Panel, rows } from '../scripts/dashboard-panels';
import { printPanels, type RecordedPanel } from '../scripts/panel-charts';
import { openDevelopmentIssuer } from '../src/authentication/development-issuer';
import {
  type ForeignMessage,
  foreignEvent,
  orderPlaced,
  paymentFailed,
  pointsEarned,
} from '../test/testkit/commerce-events';
import { eventually } from '../test/testkit/eventually';
import { type Prometheus, startPrometheus } from '../test/testkit/prometheus';
import { startServiceProcess } from '../test/testkit/service-processes';
import { installedProgram } from '../test/testkit/service-startup';
import { startTcpProxy } from '../test/testkit/tcp-proxy';
import { MutationLoad } from './fault-load';
import { startReads } from './read-load';
import { type Stage, withChannel, withServices, witnessQueue } from './stage';

const seconds = 120;
const stepSeconds = 2;
/** Users that are there before the recording: some are erased in it, and the others read and updated. */
const [erasedUsers, otherUsers] = [60, 240];
/** Load before the recording, so that rates have a past. */
const warmUpSeconds = 15;
const rateInterval = '10s';
const scopes = 'users:read users:write users:privacy';
const callsPerSecond = 4;

/** Seconds of the recording in which a backing service is unreachable. */
const failures = [
  { what: 'Redis unreachable', from: 30, to: 45 },
  { what: 'RabbitMQ unreachable', from: 70, to: 90 },
];

async function main(): Promise<void> {
  installedProgram('prometheus');
  await withServices((open) => open(record));
}

async function record(stage: Stage): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'user-service-dashboard-'));
  const [redis, rabbitmq] = [await startTcpProxy(stage.redisUrl), await startTcpProxy(stage.amqpUrl)];
  const service = await startServiceProcess({
    ...stage,
    redisUrl: redis.url,
    amqpUrl: rabbitmq.url,
    directory,
    redisPrefix: `${stage.prefix}user:`,
    amqpPrefix: stage.prefix,
    retentionIntervalMs: 20_000,
    env: { NODE_OPTIONS: '--max-old-space-size=384' },
  });
  const prometheus = await startPrometheus(service.url, 1_000);
  const issuer = await openDevelopmentIssuer(join(directory, '.data'));
  const [staff, person] = [
    await issuer.issueToken({ sub: 'staff', scope: scopes }),
    await issuer.issueToken({ sub: randomUUID() }),
  ];
  const mutations = new MutationLoad(staff);
  mutations.url = service.url;
  try {
    await bindAuditQueue(stage);
    await eventually(
      () => {
        if (mutations.acknowledged.size < erasedUsers + otherUsers) throw new Error('too few users');
      },
      { timeoutMs: 120_000 },
    );
    const known = [...mutations.acknowledged.keys()];
    const [doomed, ids] = [known.slice(0, erasedUsers), known.slice(erasedUsers)];
    const load = [
      startReads({ url: service.url, token: staff, ids }),
      every(1_000 / callsPerSecond, callsOf(service.url, { staff, person }, doomed, ids)),
      every(1_000, () => publish(stage, ids)),
    ];
    await delay(warmUpSeconds * 1_000);
    const start = Math.ceil(Date.now() / 1_000);
    const proxies = [redis, rabbitmq];
    await Promise.all(
      failures.map(async ({ from, to }, at) => {
        await delay(start * 1_000 + from * 1_000 - Date.now());
        await proxies[at]?.stop();
        await delay((to - from) * 1_000);
        await proxies[at]?.resume();
      }),
    );
    await delay((start + seconds) * 1_000 - Date.now());
    await Promise.all([mutations, ...load].map((it) => it.stop()));
    await writeRows(prometheus, start);
  } finally {
    await prometheus.stop();
    await service.stop();
    await Promise.all([redis.close(), rabbitmq.close()]);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Evaluates the queries of every panel and writes a file for each row of the dashboard. */
async function writeRows(prometheus: Prometheus, start: number): Promise<void> {
  for (const [row, panels] of Object.entries(rows)) {
    const recorded: RecordedPanel[] = [];
    for (const { title, unit, kind, queries } of panels)
      recorded.push({ title, unit, kind, series: await evaluate(prometheus, queries, start) });
    const file = `docs/diagrams/dashboard-${row.toLowerCase()}.panels`;
    writeFileSync(file, printPanels({ row, stepSeconds, failures }, recorded));
  }
}

async function evaluate(
  prometheus: Prometheus,
  queries: Panel['queries'],
  start: number,
): Promise<RecordedPanel['series']> {
  const recorded: Record<string, (number | null)[]> = {};
  for (const [legend, expression] of Object.entries(queries)) {
    const query = expression.replaceAll('$instance', '.*').replaceAll('$__rate_interval', rateInterval);
    const found = await prometheus.queryRange({ query, start, end: start + seconds, step: stepSeconds });
    for (const { metric, values } of found) {
      const name = legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? '').trim();
      const byTime = new Map(values.map(([time, value]) => [time, Number(Number(value).toPrecision(4))]));
      recorded[name] = Array.from({ length: seconds / stepSeconds + 1 }, (_, step) => {
        const value = byTime.get(start + step * stepSeconds);
        return value === undefined || Number.isNaN(value) ? null : value;
      });
    }
  }
  return recorded;
}

/** Calls with each outcome that the dashboard tells apart; each call of the result sends the next one. */
function callsOf(
  url: string,
  { staff, person }: { staff: string; person: string },
  doomed: readonly string[],
  ids: readonly string[],
): () => Promise<unknown> {
  const mutation = (name: string, input: object) => {
    const type = name.charAt(0).toUpperCase() + name.slice(1);
    const query = `mutation ${type}($input: ${type}Input!) { ${name}(input: $input) { __typename } }`;
    return post(url, staff, { query, variables: { input } });
  };
  let erased = 0;
  const calls = [
    () => post(url, staff, { query: 'query RecentUsers { users(first: 20) { nodes { id email } } }' }),
    () => mutation('deactivateUser', { userId: ids[0] }),
    () => post(url, person, { query: 'query RecentUsers { users { nodes { id } } }' }),
    () => mutation('reactivateUser', { userId: ids[0] }),
    () => post(url, undefined, { query: 'query Me { me { id } }' }),
    () => mutation('updateUser', { userId: ids[1], displayName: 'Ada', expectedVersion: 1_000_000 }),
    () => post(url, staff, { query: `query Aliases { ${aliases} }` }),
    () => mutation('createUser', { email: 'nobody', firstName: 'Ada', lastName: 'Lovelace' }),
    () => mutation('eraseUser', { userId: doomed[erased++] }),
  ];
  let at = 0;
  return () => (calls[at++ % calls.length] as () => Promise<unknown>)();
}

const aliases = Array.from({ length: 60 }, (_, at) => `a${at}: __typename`).join(' ');

async function post(url: string, token: string | undefined, body: object): Promise<void> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  await response.text();
}

/** Binds the queue of another team to the audit events, too. */
async function bindAuditQueue({ amqpUrl, prefix }: Stage): Promise<void> {
  await withChannel(amqpUrl, (channel) =>
    channel.bindQueue(witnessQueue(prefix), `${prefix}audit.events`, '#'),
  );
}

/** Publishes orders, points and failed payments of other services; some come before their order, are invalid, or come twice. */
async function publish({ amqpUrl, prefix }: Stage, ids: readonly string[]): Promise<void> {
  const now = Date.now();
  const at = (ms: number) => new Date(now - ms).toISOString();
  const messages = Array.from({ length: 10 }, (): ForeignMessage[] => {
    const userId = ids[Math.floor(Math.random() * ids.length)] as string;
    const orderId = randomUUID();
    return [
      orderPlaced(userId, { orderId, placedAt: at(Math.random() * 200) }),
      pointsEarned(userId, { earnedAt: at(Math.random() * 200) }),
    ];
  }).flat();
  const [first, second] = messages as [ForeignMessage, ForeignMessage];
  const { orderId } = (JSON.parse(first.body.toString()) as { data: { orderId: string } }).data;
  messages.push(paymentFailed(orderId, { timestamp: at(0) }), second);
  if (Math.floor(now / 1_000) % 10 === 0)
    messages.push(
      paymentFailed(randomUUID(), { timestamp: at(0) }),
      foreignEvent('LoyaltyPointsEarned', { userId: ids[0], points: -1, earnedAt: at(0) }),
    );
  await withChannel(amqpUrl, async (channel) => {
    for (const { exchange, routingKey, body, properties } of messages)
      channel.publish(`${prefix}${exchange}`, routingKey, body, properties);
    await channel.waitForConfirms();
  });
}

/** Repeats work until `stop`. */
function every(intervalMs: number, work: () => Promise<unknown>): { stop(): Promise<void> } {
  let running = true;
  const done = (async () => {
    while (running) {
      await work();
      await delay(intervalMs);
    }
  })();
  return {
    async stop() {
      running = false;
      await done;
    },
  };
}

void main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${(error as Error).stack}\n`);
    process.exit(1);
  },
);
