import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { type ProgrammableServer, startProgrammableServer } from '../testkit/programmable-server';
import { startServiceProcess } from '../testkit/service-processes';

let collector: ProgrammableServer;
let untraced: TestApp;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'collector-trouble-'));
  collector = await startProgrammableServer('freeze');
  untraced = await startTestApp();
});
afterAll(async () => {
  await untraced.stop();
  await collector.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Without the API, which prom-client loads as well. */
const ofOpenTelemetry = (files: readonly string[]) =>
  files.filter((file) => /@opentelemetry\/(?!api\/)/.test(file));

/** Where nobody listens. */
async function deadUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** Milliseconds that a request took in the middle of many, of either service in turn. */
async function compare(left: TestApp, right: TestApp): Promise<[number, number]> {
  const durations: [number[], number[]] = [[], []];
  const ask = async (app: TestApp, into: number[]) => {
    const startedAt = performance.now();
    expect((await app.graphql('{ __typename }', {}, { token: app.staff })).status).toBe(200);
    into.push(performance.now() - startedAt);
  };
  // More spans than go into one batch, so that some are under way and some wait.
  for (let round = 0; round < 33; round += 1) {
    await Promise.all(Array.from({ length: 8 }, () => ask(left, durations[0])));
    await Promise.all(Array.from({ length: 8 }, () => ask(right, durations[1])));
  }
  const [first, second] = durations.map((list) => list.sort((a, b) => a - b)[list.length / 2] ?? 0);
  return [first ?? 0, second ?? 0];
}

it('is no part of a service without a collector', async () => {
  const replica = await startServiceProcess({
    databaseUrl: untraced.databaseUrl,
    redisUrl: process.env['TEST_REDIS_URL'] ?? '',
    amqpUrl: process.env['TEST_AMQP_URL'] ?? '',
    redisPrefix: untraced.redisPrefix,
    amqpPrefix: untraced.amqpPrefix,
    directory: folder,
  });
  await replica.stop();
  expect(ofOpenTelemetry(replica.loaded)).toEqual([]);
});

it.each([
  { trouble: 'away', endpoint: deadUrl },
  { trouble: 'frozen', endpoint: async () => collector.url.href },
])('answers as fast and stops as soon while the collector is $trouble', async ({ trouble, endpoint }) => {
  const traced = await startTestApp({ config: { otlpEndpoint: await endpoint() }, replicaOf: untraced });
  expect(ofOpenTelemetry(Object.keys(require.cache))).not.toEqual([]);
  const [tracedMs, untracedMs] = await compare(traced, untraced);
  if (trouble === 'frozen') await eventually(() => expect(collector.requests).not.toEqual([]));
  const stoppingAt = performance.now();
  await traced.stop();
  const stopMs = performance.now() - stoppingAt;
  expect(tracedMs).toBeLessThan(untracedMs * 2 + 5);
  // The drain's grace for idle connections is half a second of it, the last spans a second.
  expect(stopMs).toBeLessThan(2_500);
});
