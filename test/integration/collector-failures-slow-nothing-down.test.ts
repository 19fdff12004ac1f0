import { createServer } from 'node:net';
import { createLogger } from '../../src/telemetry/logger';
import { Tracing } from '../../src/telemetry/tracing';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { type ProgrammableServer, startProgrammableServer } from '../testkit/programmable-server';

let collector: ProgrammableServer;
let untraced: TestApp;
beforeAll(async () => {
  collector = await startProgrammableServer('freeze');
  untraced = await startTestApp();
});
afterAll(async () => {
  await untraced.stop();
  await collector.close();
});

/** OpenTelemetry's modules, without the API, which prom-client loads as well. */
const ofOpenTelemetry = (files: readonly string[]) =>
  files.filter((file) => /@opentelemetry\/(?!api\/)/.test(file));

/** The URL of a closed port. */
async function deadUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** The median duration of a request in milliseconds, of each service, measured in alternation. */
async function compare(left: TestApp, right: TestApp): Promise<[number, number]> {
  const durations: [number[], number[]] = [[], []];
  const ask = async (app: TestApp, into: number[]) => {
    const startedAt = performance.now();
    expect((await app.graphql('{ __typename }', {}, { token: app.staff })).status).toBe(200);
    into.push(performance.now() - startedAt);
  };
  // More spans than one batch holds: some are being exported while others are queued.
  for (let round = 0; round < 33; round += 1) {
    await Promise.all(Array.from({ length: 8 }, () => ask(left, durations[0])));
    await Promise.all(Array.from({ length: 8 }, () => ask(right, durations[1])));
  }
  const [first, second] = durations.map((list) => list.sort((a, b) => a - b)[list.length / 2] ?? 0);
  return [first ?? 0, second ?? 0];
}

it.each([
  { trouble: 'unreachable', endpoint: deadUrl },
  { trouble: 'frozen', endpoint: async () => collector.url.href },
])('a service responds and stops as fast while the collector is $trouble', async ({ trouble, endpoint }) => {
  const traced = await startTestApp({ config: { otlpEndpoint: await endpoint() }, replicaOf: untraced });
  expect(ofOpenTelemetry(Object.keys(require.cache))).not.toEqual([]);
  const [tracedMs, untracedMs] = await compare(traced, untraced);
  if (trouble === 'frozen') await eventually(() => expect(collector.requests).not.toEqual([]));
  const stoppingAt = performance.now();
  await traced.stop();
  const stopMs = performance.now() - stoppingAt;
  expect(tracedMs).toBeLessThan(untracedMs * 2 + 5);
  // Includes half a second of grace for idle connections and one second for the last spans.
  expect(stopMs).toBeLessThan(2_500);
});

it('Tracing logs one warning a minute about dropped spans', async () => {
  const lines: string[] = [];
  const refusing = await startProgrammableServer({ status: 400, body: 'no canary@example.com here' });
  const log = createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } });
  const endpoint = `${refusing.url.href}under/`;
  const tracing = new Tracing({ endpoint, serviceName: 'test', log, exportIntervalMs: 5 });
  await eventually(() => {
    tracing
      .startSpan({ name: 'lost', kind: 'internal', parent: null })
      .end({ failed: false, attributes: {} });
    expect(refusing.requests.length).toBeGreaterThan(3);
  });
  const warning = expect.objectContaining({
    level: 'warn',
    msg: 'spans were dropped: the collector did not accept them',
    failure: '400',
  });
  const logged = () => lines.map((line) => JSON.parse(line));
  expect(logged()).toEqual([warning]);
  const now = performance.now.bind(performance);
  const later = jest.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
  await eventually(() => {
    tracing
      .startSpan({ name: 'lost', kind: 'internal', parent: null })
      .end({ failed: false, attributes: {} });
    expect(logged()).toEqual([warning, warning]);
  });
  later.mockRestore();
  await tracing.stop();
  await refusing.close();
  expect(refusing.requests[0]?.path).toBe('/under/v1/traces');
});
