import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestApp, type TestApp } from '../testkit/app';
import { rabbitMqUrl } from '../testkit/brokers';
import { CanarySender } from '../testkit/canary-sender';
import { canaryTable } from '../testkit/canary-table';
import { type Collector, startCollector } from '../testkit/collector';
import { type ForeignService, orderPlaced, startForeignService } from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { readEverySink } from '../testkit/every-sink';
import { sinksContaining } from '../testkit/sinks';
import { mutate } from '../testkit/users';

let directory: string;
let collector: Collector;
let app: TestApp;
let others: ForeignService;
let officer: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'user-service-'));
  collector = await startCollector();
  app = await startTestApp({ config: { otlpEndpoint: collector.url.href, dataDirectory: directory } });
  others = await startForeignService(app);
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
});
afterAll(async () => {
  await others.close();
  await app.stop();
  await collector.close();
  rmSync(directory, { recursive: true, force: true });
});

/** History entries of the mutations: five of the user, one of the other user. */
const changes = 6;

const sinkNames = [
  'database',
  'redis',
  'queue user-service.history',
  'queue user-service.history.parked',
  'queue user-service.erasures',
  'logs',
  'metrics',
  'traces',
  'files',
];

const count = async (table: string) => (await app.sql(`SELECT 1 FROM ${table}`)).length;

/** Resolves when the collector has the spans of all requests so far. */
async function untilTraced(traceId: string): Promise<void> {
  const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
  await app.graphql('{ me { id } }', {}, { token: app.staff, headers });
  const traceIds = () => collector.spans().map((span) => span.traceId);
  await eventually(() => expect(traceIds()).toContain(traceId), { timeoutMs: 20_000 });
}

/** Reads the sinks of this app, named without the tool that dumped the database. */
async function readSinks(): Promise<Map<string, string>> {
  const sinks = await readEverySink({
    options: {
      databaseUrl: app.databaseUrl,
      redisUrl: process.env['TEST_REDIS_URL'] ?? '',
      amqpUrl: rabbitMqUrl(),
      redisPrefix: app.redisPrefix,
      amqpPrefix: app.amqpPrefix,
      directory,
    },
    running: () => [app],
    output: () => app.logged.map((line) => JSON.stringify(line)).join('\n'),
    collector,
  });
  return new Map([...sinks].map(([name, content]) => [name.replace(/ \(.*/, ''), content]));
}

/** For each value that was sent, the sinks that contain its text. */
const findEach = ({ texts }: CanarySender, sinks: ReadonlyMap<string, string>) =>
  Object.fromEntries([...texts].map(([value, text]) => [value, sinksContaining(sinks, [text])]));
const nowhere = ({ texts }: CanarySender) =>
  Object.fromEntries([...texts.keys()].map((value) => [value, []]));

describe('the values of the canary table', () => {
  it('are in the stores of the table until the user is erased, and in no sink afterwards', async () => {
    const sender = new CanarySender(app, others, officer);
    await sender.callMutations();
    await sender.sendRequests();
    const folded = await sender.publishValidMessages();
    await eventually(async () => expect(await count('user_history')).toBe(changes + folded));
    const invalid = await sender.publishInvalidMessages();
    await eventually(async () => expect(await count('parked_messages')).toBe(invalid));

    const before = await readSinks();
    expect([...before.keys()]).toEqual(sinkNames);
    expect(findEach(sender, before)).toEqual(
      Object.fromEntries(canaryTable.map(({ value, stores }) => [value, stores])),
    );

    expect(await mutate(app, 'eraseUser', { userId: sender.userId }, officer)).toMatchObject({
      erasure: { status: 'COMPLETED' },
    });
    expect(findEach(sender, await readSinks())).toEqual(nowhere(sender));
    // Includes the message in base64, whose text the sinks do not show.
    expect(await count('parked_messages')).toBe(0);

    await sender.publishValidMessages();
    await sender.publishInvalidMessages(' after the erasure');
    const last = orderPlaced(sender.userId);
    await others.publish(last);
    await eventually(async () =>
      expect(await app.sql('SELECT event_id AS id FROM erased_events')).toContainEqual({
        id: last.properties.messageId,
      }),
    );
    await untilTraced('0af7651916cd43dd8448eb211c80319c');
    expect(await count('parked_messages')).toBe(0);
    const after = await readSinks();
    expect(findEach(sender, after)).toEqual(nowhere(sender));
    // These sinks do contain the requests that carried the values.
    for (const name of ['logs', 'traces']) expect(after.get(name)).toContain('/graphql');
    expect(after.get('metrics')).toContain('route="/graphql",status="401"');
  });
});
