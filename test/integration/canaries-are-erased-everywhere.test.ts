import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestApp, type TestApp } from '../testkit/app';
import { rabbitMqUrl } from '../testkit/brokers';
import { CanaryPlaces } from '../testkit/canary-places';
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

/** What the calls leave in histories: five changes of the user, and somebody else. */
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

const [inDatabase, cached] = [['database'], ['database', 'redis']];
/** What is the user's own, or of a message that waits for an operator. */
const stored = {
  'address.street': cached,
  'address.city': cached,
  'address.state': cached,
  'address.postalCode': cached,
  'address.country': cached,
  email: cached,
  username: cached,
  firstName: cached,
  lastName: cached,
  displayName: cached,
  'pending email': cached,
  'consent source': inDatabase,
  'consent wording version': inDatabase,
  'deactivation notes': inDatabase,
  'reactivation notes': cached,
  'reason of points': inDatabase,
  'error message of a payment': inDatabase,
  'error code of a payment': inDatabase,
  'refused message before': inDatabase,
  'body that is no JSON before': inDatabase,
  'id in capitals before': inDatabase,
  'custom header of a refused before message': inDatabase,
  'body of a message with a subject before': inDatabase,
  'payment without a time before': inDatabase,
};
/** What is encrypted, digested or encoded, answered, and thrown away. */
const neverStored = [
  'idempotency key',
  'hold reason',
  'release reason',
  'reason of a dry run',
  'header traceparent',
  'header tracestate',
  'header baggage',
  'header cookie',
  'header referer',
  'header user-agent',
  'header x-request-id',
  'header idempotency-key',
  'header x-forwarded-for',
  'header x-user-id',
  'header router-authorization',
  'header x-custom',
  'header apollographql-client-name',
  'bearer token',
  'query string',
  'path',
  'unsubscribe token',
  'body that is no JSON',
  'malformed document',
  'unknown field in a document',
  'operation name',
  'unknown operation name',
  'variable of a wrong type',
  'extensions',
  'id that is none',
  'address of nobody',
  'search',
  'cursor',
  'invalid first name',
  'invalid phone number',
  'invalid locale',
  'invalid time zone',
  'no wording',
  'verification token',
  'field nobody reads',
  'app_id of a folded message',
  'correlation_id of a folded message',
  'reply_to of a folded message',
  'custom header of a folded message',
  'subject of an event',
  'extension of an event',
  'ce-* extension header of a folded message',
  'base64 that is no JSON before',
  'app_id of a refused before message',
  'correlation_id of a refused before message',
  'reply_to of a refused before message',
];

const count = async (table: string) => (await app.sql(`SELECT 1 FROM ${table}`)).length;

/** Resolves when the collector has all spans of what was done so far. */
async function untilTraced(traceId: string): Promise<void> {
  const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
  await app.graphql('{ me { id } }', {}, { token: app.staff, headers });
  await eventually(() => expect(collector.spans().map((span) => span.traceId)).toContain(traceId));
}

/** Where the service left something. */
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

/** Each place, with the names of the sinks that hold its text. */
const findEach = (places: CanaryPlaces, sinks: ReadonlyMap<string, string>) =>
  [...places.texts].map(([place, text]): [string, string[]] => [place, sinksContaining(sinks, [text])]);

describe('canaries', () => {
  it('are found in the sinks that may hold them until the user is erased, in no other, and in none afterwards', async () => {
    const places = new CanaryPlaces(app, others, officer);
    await places.leaveInCalls();
    await places.leaveInRequests();
    const folded = await places.leaveInMessages();
    await eventually(async () => expect(await count('user_history')).toBe(changes + folded));
    const refused = await places.leaveInRefusedMessages('before');
    await eventually(async () => expect(await count('parked_messages')).toBe(refused));

    const before = await readSinks();
    expect([...before.keys()]).toEqual(sinkNames);
    const found = findEach(places, before);
    expect(found.filter(([, names]) => names.length > 0)).toEqual(Object.entries(stored));
    // Of all others nothing is ever stored as it came.
    expect(found.filter(([, names]) => names.length === 0).map(([place]) => place)).toEqual(neverStored);

    expect(await mutate(app, 'eraseUser', { userId: places.userId }, officer)).toMatchObject({
      erasure: { status: 'COMPLETED' },
    });
    expect(findEach(places, await readSinks()).filter(([, names]) => names.length > 0)).toEqual([]);
    // Also those that are not found as they are encoded.
    expect(await count('parked_messages')).toBe(0);

    await places.leaveInMessages();
    await places.leaveInRefusedMessages('after');
    const last = orderPlaced(places.userId);
    await others.publish(last);
    await eventually(async () =>
      expect(await app.sql('SELECT event_id AS id FROM erased_events')).toContainEqual({
        id: last.properties.messageId,
      }),
    );
    await untilTraced('0af7651916cd43dd8448eb211c80319c');
    expect(await count('parked_messages')).toBe(0);
    const after = await readSinks();
    expect(findEach(places, after).filter(([, names]) => names.length > 0)).toEqual([]);
    // The requests that carried them are in these sinks.
    for (const name of ['logs', 'traces']) expect(after.get(name)).toContain('/graphql');
    expect(after.get('metrics')).toContain('route="/graphql",status="401"');
  });
});
