import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { parkedMessageSource } from '../../src/personal-data/personal-data-of-history';
import { startTestApp, type TestApp } from '../testkit/app';
import {
  commerceOf,
  type ForeignMessage,
  type ForeignService,
  orderPlaced,
  paymentFailed,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { inBase64, withBody, withProperties } from '../testkit/message-variants';
import { namingUsers } from '../testkit/messages-naming-ids';
import { scrape, sumOf } from '../testkit/metrics';
import { buildUser, createUser, mutate } from '../testkit/users';

let app: TestApp;
let others: ForeignService;
let officer: string;
beforeAll(async () => {
  app = await startTestApp();
  others = await startForeignService(app);
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
});
afterAll(async () => {
  await others.close();
  await app.stop();
});
afterEach(() => app.sql('DELETE FROM parked_messages'));

const bodies = async () =>
  (await app.sql<{ body: Buffer }>('SELECT body FROM parked_messages')).map(({ body }) => body.toString());
const counted = async () => sumOf(await scrape(app.url), 'user_service_messages_parked_total') ?? 0;
const erase = (userId: string) => mutate(app, 'eraseUser', { userId }, officer);
const ofNoUser = withBody(paymentFailed(''), 'of no user');

it.each(Object.entries(namingUsers))(
  'eraseUser deletes a parked message that names the user %s',
  async (_how, of) => {
    const { id: userId } = await createUser(app);
    await others.publish(of(userId), ofNoUser);
    await eventually(async () => expect(await bodies()).toHaveLength(2));
    await erase(userId);
    await eventually(async () => expect(await bodies()).toEqual(['of no user']));
  },
);

it.each(Object.entries(namingUsers))(
  'the intake neither parks nor counts a message that names an erased user %s',
  async (_how, of) => {
    const { id: userId } = await createUser(app);
    await erase(userId);
    const message = of(userId);
    const countedBefore = await counted();
    await others.publish(message, ofNoUser);
    // Its identity is stored, so that a corrected delivery has no effect either.
    const known = 'SELECT source FROM erased_events WHERE event_id = $1';
    await eventually(async () => {
      expect(await app.sql(known, [message.properties.messageId])).toHaveLength(1);
      expect(await bodies()).toEqual(['of no user']);
      expect(await counted()).toBe(countedBefore + 1);
    });
  },
);

it('a message about a user is not left parked if the user is erased while it is parked', async () => {
  const { id: userId } = await createUser(app);
  const message = withBody(paymentFailed(''), `of ${userId}`);
  await others.publish(message);
  await eventually(async () => expect(await bodies()).toHaveLength(1));
  const client = new Client({ connectionString: app.databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  let erasing: Promise<unknown> | undefined;
  let isErased = false;
  const waiting = async () =>
    (await app.sql(`SELECT 1 FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')`))
      .length;
  try {
    // Another transaction stores the same message, so that parking waits for its end.
    await client.query('CREATE TEMP TABLE kept AS SELECT * FROM parked_messages');
    await client.query('DELETE FROM parked_messages');
    await client.query('BEGIN; INSERT INTO parked_messages SELECT * FROM kept');
    await others.publish(message);
    await eventually(async () => expect(await waiting()).toBe(1));
    erasing = erase(userId).then(() => void (isErased = true));
    await eventually(async () => expect(isErased || (await waiting()) > 1).toBe(true));
  } finally {
    await client.end();
  }
  await erasing;
  await others.publish(ofNoUser);
  await eventually(async () => expect(await bodies()).toEqual(['of no user']));
});

it('eraseUser deletes a parked payment for an order of the user, and later ones are not parked', async () => {
  const { id: userId } = await createUser(app);
  await others.publish(orderPlaced(userId, { orderId: 'order-of-kanari' }));
  await eventually(async () => expect((await commerceOf(app, userId)).orderCount).toBe(1));
  const payment = paymentFailed('order-of-kanari', { timestamp: 'yesterday' });
  const encoded = inBase64(paymentFailed('order-of-kanari', { timestamp: 'tomorrow' }));
  await others.publish(payment, encoded, ofNoUser);
  await eventually(async () => expect(await bodies()).toHaveLength(3));
  await erase(userId);
  await eventually(async () => expect(await bodies()).toEqual(['of no user']));

  await app.sql('DELETE FROM parked_messages');
  await others.publish(payment, encoded, ofNoUser);
  await eventually(async () => expect(await bodies()).toEqual(['of no user']));
});

it('eraseUser keeps a parked payment whose order id only contains that of the user', async () => {
  const { id: userId } = await createUser(app);
  await others.publish(orderPlaced(userId, { orderId: '7' }));
  await eventually(async () => expect((await commerceOf(app, userId)).orderCount).toBe(1));
  const payment = paymentFailed('1789', { timestamp: 'yesterday', amount: { value: '7', currency: 'EUR' } });
  await others.publish(payment);
  await eventually(async () => expect(await bodies()).toHaveLength(1));
  await erase(userId);
  await eventually(async () =>
    expect(await app.sql('SELECT status FROM erasures WHERE user_id = $1', [userId])).toEqual([
      { status: 'COMPLETED' },
    ]),
  );
  expect(await bodies()).toHaveLength(1);
});

interface Addresses {
  email: string;
  pendingEmail: string;
}

it.each([
  ['address', ({ email }: Addresses) => `order of ${email}, unpaid`],
  ['address in other letters', ({ email }: Addresses) => `{"mail": "${email.toUpperCase()}"`],
  ['address in JSON', ({ email }: Addresses) => JSON.stringify({ to: [`Ada <${email}>`] })],
  ['pending address', ({ pendingEmail }: Addresses) => `order of ${pendingEmail}, unpaid`],
  [
    'pending address in other letters',
    ({ pendingEmail }: Addresses) => `order of ${pendingEmail.normalize('NFKC').toUpperCase()}`,
  ],
  ['address in form data', ({ email }: Addresses) => `email=${email}&n=1`],
  [
    'pending address at the end of a sentence',
    ({ pendingEmail }: Addresses) => `The card of ${pendingEmail}.`,
  ],
  ['phone number after another number', () => 'order 4711 4930901820'],
  ['phone number', () => 'call +4930 901-820 now'],
  ['phone number without its plus sign', () => '{"phone": "4930901820"}'],
])('eraseUser deletes a parked message that has only the %s of the user', async (_what, textOf) => {
  await app.sql('UPDATE users SET phone_number = NULL');
  const { id: userId } = await createUser(app, { phoneNumber: '+4930901820' });
  // The letters of another width are those of the normalised form. PostgreSQL lower-cases the next two otherwise.
  const email = `Ｎｅｗ.İrem.ΣΟΦΟΣ-${String(buildUser()['email'])}`;
  const { user } = await mutate(app, 'updateUser', { userId, email });
  await others.publish(withBody(paymentFailed(''), textOf(user)), ofNoUser);
  await eventually(async () => expect(await bodies()).toHaveLength(2));
  await erase(user.id);
  await eventually(async () => expect(await bodies()).toEqual(['of no user']));
});

const inErrorMessage = (text: string) =>
  paymentFailed(uuidv7(), { timestamp: 'yesterday', errorMessage: `card of ${text} declined` });
const redelivered: Readonly<Record<string, (contact: string) => ForeignMessage>> = {
  'a structured CloudEvent': inErrorMessage,
  'a structured CloudEvent with its data in base64': (contact) => inBase64(inErrorMessage(contact)),
  'a binary CloudEvent': (contact) => {
    const { data, ...attributes } = JSON.parse(inErrorMessage(contact).body.toString());
    const headers = Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]);
    return withProperties(withBody(paymentFailed(''), JSON.stringify(data)), {
      contentType: 'application/json',
      headers: Object.fromEntries(headers),
    });
  },
  'bare JSON': (contact) =>
    withProperties(withBody(paymentFailed(''), JSON.stringify({ payer: contact })), {
      contentType: 'application/json',
    }),
  'a text without an id': (contact) => ({
    ...withBody(paymentFailed(''), `payment of ${contact} failed`),
    properties: {},
  }),
  'bytes that are not UTF-8': (contact) =>
    withBody(paymentFailed(''), Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(` <${contact}>`)])),
};

it.each(
  Object.entries(redelivered).flatMap(
    ([name, of]) =>
      [
        ['address', name, of],
        ['phone number', name, of],
      ] as const,
  ),
)(
  'after eraseUser, a later delivery of a message with only the %s of the user is not parked: %s',
  async (contact, _name, of) => {
    await app.sql('UPDATE users SET phone_number = NULL');
    const { id: userId, email } = await createUser(app, { phoneNumber: '+4930901820' });
    const message = of(contact === 'address' ? email : '+4930901820');
    await others.publish(message, ofNoUser);
    await eventually(async () => expect(await bodies()).toHaveLength(2));
    await erase(userId);
    await eventually(async () => expect(await bodies()).toEqual(['of no user']));

    await others.publish(message, withBody(paymentFailed(''), 'also of no user'));
    await eventually(async () => expect(await bodies()).toHaveLength(2));
    expect(await bodies()).toEqual(expect.arrayContaining(['of no user', 'also of no user']));
  },
);

it('a message that arrives while an erasure deletes it is not parked again', async () => {
  const message = withBody(paymentFailed(''), 'of a user without an id');
  await others.publish(message);
  await eventually(async () => expect(await bodies()).toHaveLength(1));
  const erasure = new Client(app.databaseUrl);
  await erasure.connect();
  await erasure.query('BEGIN');
  await erasure.query(
    `INSERT INTO erased_events (source, event_id) SELECT $1, fingerprint FROM parked_messages`,
    [parkedMessageSource],
  );
  await erasure.query('DELETE FROM parked_messages');
  await others.publish(message);
  await eventually(async () => {
    const [{ waiting }] = (await app.sql(
      `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE datname = current_database()
       AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO parked_messages%'`,
    )) as [{ waiting: number }];
    expect(waiting).toBe(1);
  });
  await erasure.query('COMMIT');
  await erasure.end();
  await others.publish(ofNoUser);
  await eventually(async () => expect(await bodies()).toEqual(['of no user']));
});
