import { createServer } from 'node:net';
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
