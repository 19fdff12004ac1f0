import { randomBytes, randomUUID } from 'node:crypto';
import { type ChannelModel, connect } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import { startTestApp, type TestApp } from '../testkit/app';
import { rabbitMqUrl } from '../testkit/brokers';
import {
  commerceOf,
  type ForeignMessage,
  type ForeignService,
  orderPlaced,
  pointsEarned,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { nested, publishRaw } from '../testkit/raw-messages';
import { createUser, mutate } from '../testkit/users';

let app: TestApp;
let others: ForeignService;
let connection: ChannelModel;
let userId: string;
let erasedId: string;
beforeAll(async () => {
  app = await startTestApp();
  others = await startForeignService(app);
  connection = await connect(rabbitMqUrl());
  connection.on('error', () => undefined);
  [{ id: userId }, { id: erasedId }] = await Promise.all([createUser(app), createUser(app)]);
  const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
  await mutate(app, 'eraseUser', { userId: erasedId }, officer);
});
afterAll(async () => {
  await connection.close();
  await others.close();
  await app.stop();
});
afterEach(() => app.sql('DELETE FROM parked_messages'));

/** A message with these headers, and by default a body that is not JSON. */
function withHeaders(headers: Record<string, unknown>, body: string | Buffer = 'not json'): ForeignMessage {
  const order = orderPlaced(userId);
  return { ...order, body: Buffer.from(body), properties: { ...order.properties, headers } };
}

const nul = 'a\u0000b';
const half = Buffer.from([0xed, 0xa0, 0x80]);
const ids = (count: number) => Array.from({ length: count }, () => randomUUID());
const publishDeep = (levels: number, kind: 'F' | 'A') => () =>
  publishRaw(connection, {
    exchange: `${app.amqpPrefix}order.events`,
    routingKey: 'order.placed',
    headers: nested(levels, kind),
    body: Buffer.from('not json'),
    messageId: uuidv7(),
    type: 'OrderPlaced',
    contentType: 'application/json',
  });
const publish =
  (...of: (() => ForeignMessage)[]) =>
  () =>
    others.publish(...of.map((make) => make()));
const times = (count: number, make: () => ForeignMessage) => Array.from({ length: count }, () => make);
const ofErased = (source: string, id: string) => () => ({
  ...orderPlaced(erasedId),
  body: Buffer.from(
    JSON.stringify({ specversion: '1.0', id, source, type: 'OrderPlaced', data: { erasedId } }),
  ),
});

/** `npm run faults:messages` sends the largest that RabbitMQ delivers. */
const largeMegabytes = Number(process.env['LARGE_MEGABYTES'] ?? 4);
const largeCount = largeMegabytes > 4 ? 220 : 8;

type Case = [what: string, send: () => Promise<void>, reasons: (string | RegExp)[]];

const cases: Case[] = [
  ['a header name with NUL', publish(() => withHeaders({ [nul]: 'x' })), ['INVALID_JSON']],
  ['a nested header name with NUL', publish(() => withHeaders({ a: { [nul]: 1 } })), ['INVALID_JSON']],
  ['a header value with NUL', publish(() => withHeaders({ a: nul })), ['INVALID_JSON']],
  ['a header name of 255 bytes', publish(() => withHeaders({ ['ä'.repeat(127)]: 1 })), ['INVALID_JSON']],
  [
    '1,500 headers',
    publish(() => withHeaders(Object.fromEntries(ids(1_500).map((id) => [id, 1])))),
    ['INVALID_JSON'],
  ],
  ['a header of 60 kB', publish(() => withHeaders({ a: 'x'.repeat(60_000) })), ['INVALID_JSON']],
  ['binary headers', publish(() => withHeaders({ a: randomBytes(1_000), b: half })), ['INVALID_JSON']],
  [
    'the header __proto__',
    publish(() => withHeaders(JSON.parse('{"__proto__": {"toString": 1}}'))),
    ['INVALID_JSON'],
  ],
  ['a header x-death that is a text', publish(() => withHeaders({ 'x-death': 'x' })), ['INVALID_JSON']],
  ['a header x-death of texts', publish(() => withHeaders({ 'x-death': ['x'] })), ['INVALID_JSON']],
  [
    'a delivery count of 2^53',
    publish(() => withHeaders({ 'x-acquired-count': 2 ** 53 - 1 })),
    ['INVALID_JSON'],
  ],
  [
    'a timestamp out of range',
    publish(() => ({ ...withHeaders({}), properties: { timestamp: 2 ** 52 } })),
    ['INVALID_JSON'],
  ],
  [
    'properties with NUL',
    publish(() => ({ ...withHeaders({}), properties: { messageId: nul, type: nul, contentType: nul } })),
    ['INVALID_JSON'],
  ],
  // Whether amqplib can decode them depends on the size of the stack.
  ['headers nested 4,000 deep', publishDeep(4_000, 'F'), [/^INVALID_(JSON|HEADERS)$/]],
  ['headers nested 1,500 deep', publishDeep(1_500, 'F'), ['INVALID_JSON']],
  ['arrays nested 20,000 deep', publishDeep(20_000, 'A'), ['INVALID_HEADERS']],
  ['arrays nested 100 deep', publishDeep(100, 'A'), ['INVALID_JSON']],
  ['an erased user and a source with NUL', publish(ofErased(nul, 'e')), []],
  [
    'an erased user and an id of 4,000 characters',
    publish(ofErased('/s', randomBytes(2_000).toString('hex'))),
    [],
  ],
  ['an erased user and half a surrogate', publish(ofErased('/\ud800', '\udc00')), []],
  [
    'an erased user and the headers of an id with NUL',
    publish(() => withHeaders({ 'ce-id': nul, 'ce-source': nul, 'ce-type': 'x', u: erasedId })),
    [],
  ],
  [
    `${largeMegabytes} MB of user ids`,
    publish(() => withHeaders({}, JSON.stringify(ids(27_000).join().repeat(largeMegabytes)))),
    ['TOO_LARGE'],
  ],
  ['256 kB of user ids', publish(() => withHeaders({}, JSON.stringify(ids(6_700)))), ['INVALID_ENVELOPE']],
  [
    `${largeCount} messages of 254 kB`,
    publish(
      ...times(largeCount, () => withHeaders({ 'ce-id': uuidv7() }, randomBytes(127_000).toString('hex'))),
    ),
    Array(largeCount).fill('INVALID_JSON'),
  ],
  ['200 kB of brackets', publish(() => withHeaders({}, '['.repeat(200_000))), ['INVALID_JSON']],
  [
    'JSON nested 100,000 deep',
    publish(() => withHeaders({}, `${'['.repeat(100_000)}${']'.repeat(100_000)}`)),
    ['INVALID_ENVELOPE'],
  ],
  [
    'equal bodies and other ids in the headers',
    publish(
      ...['one', 'two'].map(
        (id) => () => withHeaders({ 'ce-id': id, 'ce-source': '/s', 'ce-type': 'OrderPlaced' }),
      ),
    ),
    ['INVALID_JSON', 'INVALID_JSON'],
  ],
  [
    'equal bodies and other sources in the headers',
    publish(
      ...['/one', '/two'].map(
        (source) => () =>
          withHeaders({ cloudEvents_id: 'x', cloudEvents_source: source, cloudEvents_type: 'OrderPlaced' }),
      ),
    ),
    ['INVALID_JSON', 'INVALID_JSON'],
  ],
  [
    'an order through loyalty.events',
    publish(() => ({
      ...orderPlaced(userId),
      exchange: 'loyalty.events',
      routingKey: 'loyalty.points-earned',
    })),
    ['WRONG_EXCHANGE'],
  ],
  [
    'points through payment.events',
    publish(() => ({ ...pointsEarned(userId), exchange: 'payment.events', routingKey: 'payment.failed' })),
    ['WRONG_EXCHANGE'],
  ],
  [
    'a forged x-death',
    publish(() => {
      const order = orderPlaced(userId);
      const headers = {
        'x-death': [{ exchange: `${app.amqpPrefix}order.events`, 'routing-keys': ['order.placed'] }],
      };
      return {
        ...order,
        exchange: 'loyalty.events',
        routingKey: 'loyalty.points-earned',
        properties: { ...order.properties, headers },
      };
    }),
    ['WRONG_EXCHANGE'],
  ],
];

it.each(cases)('%s is parked, and the orders behind it are folded', async (_what, send, reasons) => {
  const { orderCount } = await commerceOf(app, userId);
  await send();
  await others.publish(...times(4, () => orderPlaced(userId)).map((make) => make()));
  await eventually(
    async () => {
      expect((await commerceOf(app, userId)).orderCount).toBe(orderCount + 4);
      const rows = await app.sql<{ reason: string; detail: string }>(
        'SELECT reason, detail FROM parked_messages',
      );
      expect(rows.map(({ reason }) => reason).sort()).toEqual(
        reasons.map((reason) => (typeof reason === 'string' ? reason : expect.stringMatching(reason))),
      );
      expect(rows.filter(({ detail }) => detail.includes('digest'))).toEqual([]);
    },
    { timeoutMs: 10_000 },
  );
});
