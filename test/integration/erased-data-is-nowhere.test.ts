import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { personalDataMap } from '../../src/personal-data/personal-data-map';
import { startTestApp, type TestApp } from '../testkit/app';
import {
  type ForeignService,
  orderPlaced,
  paymentFailed,
  pointsEarned,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { withHeader } from '../testkit/message-variants';
import { findInSinks, readSinks } from '../testkit/sinks';
import { freeTexts } from '../testkit/user-fields';
import { createUser, mutate } from '../testkit/users';

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

const count = async (table: string) => (await app.sql(`SELECT 1 FROM ${table}`)).length;
const erase = (userId: string) => mutate(app, 'eraseUser', { userId }, officer);
const rememberedEvents = async () =>
  (await app.sql<{ id: string }>('SELECT event_id AS id FROM erased_events')).map(({ id }) => id);

/** Personal columns without free text of a user: ids, values of fixed lists, generated sentences and ciphertext. */
const columnsWithoutFreeText = [
  'audit_entries.actor_id',
  'audit_entries.encrypted_values',
  'cancelled_orders.order_id',
  'email_preference_decisions.actor_id',
  'email_preference_decisions.topic',
  'erasures.requested_by',
  'idempotency_keys.actor_id',
  'legal_holds.placed_by',
  'outbox_events.type',
  'user_history.summary',
  'user_history.type',
  'user_orders.order_id',
  'user_spending.currency',
  'users.locale',
  'users.status',
  'users.status_reason',
  'users.time_zone',
  'waiting_events.waits_for_id',
];

/** Returns the text columns that are personal by the map and contain none of these texts. */
async function personalColumnsWithout(texts: readonly string[]): Promise<string[]> {
  const stored = await app.sql<{ table: string; column: string }>(
    `SELECT table_name AS table, column_name AS column FROM information_schema.columns
     WHERE table_schema = 'public' AND data_type IN ('text', 'jsonb', 'bytea') ORDER BY 1, 2`,
  );
  const personal = stored.filter(({ table, column }) => {
    const dataClass = personalDataMap[table]?.columns[column]?.dataClass;
    return dataClass !== 'technical';
  });
  const without = await Promise.all(
    personal.map(async ({ table, column }) => {
      const rows = await app.sql<{ value: unknown }>(`SELECT ${column} AS value FROM ${table}`);
      const all = rows.map(({ value }) =>
        Buffer.isBuffer(value) ? value.toString() : JSON.stringify(value),
      );
      return texts.some((text) => all.join('\n').includes(text)) ? [] : [`${table}.${column}`];
    }),
  );
  return without.flat();
}

/** Creates a user with a unique text in every free-text field and in every record about the user. */
async function createCanary() {
  const text = `kanari${randomBytes(5).toString('hex')}`;
  const phoneNumber = `+49${randomInt(10 ** 9, 10 ** 10)}`;
  const address = { street: text, city: text, state: text, postalCode: text, country: text };
  const { id: userId } = await createUser(app, {
    email: `${text}@example.com`,
    ...Object.fromEntries(freeTexts.map((name) => [name, text])),
    phoneNumber,
    address,
    externalIds: [{ system: 'crm', id: text }],
    idempotencyKey: text,
  });
  await mutate(app, 'updateUser', { userId, email: `${text}-new@example.com` });
  await mutate(app, 'updateEmailPreferences', {
    userId,
    newsletter: true,
    source: text,
    wordingVersion: text,
  });
  await mutate(app, 'requestEmailVerification', { userId });
  await mutate(app, 'requestPhoneVerification', { userId });
  await mutate(app, 'deactivateUser', { userId, notes: text });
  await mutate(app, 'reactivateUser', { userId, notes: text });
  await app.graphql('query ($id: ID!) { user(id: $id) { email } }', { id: userId }, { token: app.staff });
  return { userId, text, texts: [text, phoneNumber] };
}

it('eraseUser removes all texts of a user from tables, Redis, log and metrics, and late events restore none', async () => {
  const { userId, text, texts } = await createCanary();
  const order = { orderId: uuidv7(), reason: text };
  const laterOrderId = uuidv7();
  const pointsBefore = pointsEarned(userId, { reason: text });
  await others.publish(
    orderPlaced(userId, order),
    pointsBefore,
    paymentFailed(order.orderId, { errorMessage: text }),
    // Its order is not known yet, so it has no user.
    paymentFailed(laterOrderId, { errorMessage: text }),
    // Invalid points and an unexpected header: parked.
    withHeader(pointsEarned(userId, { points: -1, reason: text }), text),
  );
  await eventually(async () => {
    expect([
      await count('user_history'),
      await count('waiting_events'),
      await count('parked_messages'),
    ]).toEqual([
      // Six changes, and three events.
      8, 1, 1,
    ]);
  });
  expect(await findInSinks(app, texts)).toEqual([
    'email_preference_decisions',
    'external_ids',
    'outbox_events',
    'parked_messages',
    'user_history',
    'user_search',
    'users',
    'waiting_events',
    'redis',
  ]);

  expect(await personalColumnsWithout(texts)).toEqual(columnsWithoutFreeText);

  expect(await erase(userId)).toMatchObject({ erasure: { status: 'COMPLETED' } });
  expect(await findInSinks(app, texts)).toEqual(['waiting_events']);

  const late = [
    pointsBefore,
    pointsEarned(userId, { reason: text }),
    paymentFailed(order.orderId, { errorMessage: text }),
    orderPlaced(userId, { orderId: laterOrderId, note: text }),
  ];
  const refused = pointsEarned(userId, { points: -2, reason: text });
  await others.publish(...late, refused);
  await eventually(async () => expect(await findInSinks(app, texts)).toEqual([]));
  await eventually(async () =>
    expect(await rememberedEvents()).toEqual(
      expect.arrayContaining([...late, refused].map(({ properties }) => properties.messageId)),
    ),
  );
  expect([...(await readSinks(app)).keys()]).toEqual(
    expect.arrayContaining(['erased_events', 'outbox_events', 'audit_entries', 'redis', 'log', 'metrics']),
  );
  expect([await count('user_history'), await count('user_commerce'), await count('user_spending')]).toEqual([
    0, 0, 0,
  ]);
});

it('reads and late writes of a replica do not cache an erased user in Redis again', async () => {
  const replica = await startTestApp({ replicaOf: app });
  try {
    const canaries = await Promise.all(Array.from({ length: 6 }, createCanary));
    const read = (it: TestApp, id: string) =>
      it.graphql('query ($id: ID!) { user(id: $id) { email } }', { id }, { token: app.staff });
    await Promise.all(
      canaries.map(async ({ userId }) => {
        const reads = Array.from({ length: 4 }, (_, at) => read(at % 2 ? app : replica, userId));
        await Promise.all([mutate(app, 'updateUser', { userId, firstName: 'Ada' }), erase(userId), ...reads]);
        await read(replica, userId);
      }),
    );
    await eventually(async () =>
      expect(await app.sql('SELECT 1 FROM outbox_events WHERE published_at IS NULL')).toEqual([]),
    );
    expect(
      await findInSinks(
        app,
        canaries.flatMap(({ texts }) => texts),
      ),
    ).toEqual([]);
    for (const { userId } of canaries) expect((await read(replica, userId)).data).toEqual({ user: null });
  } finally {
    await replica.stop();
  }
});

it('createUser returns UserIdTakenError for the id of an erasure that runs concurrently', async () => {
  // Repeated, so that either call is first in some rounds.
  for (let round = 0; round < 15; round += 1) {
    const { userId } = await createCanary();
    const [erased, created] = await Promise.all([
      erase(userId),
      mutate(app, 'createUser', {
        userId,
        email: `${randomUUID()}@example.com`,
        firstName: 'A',
        lastName: 'B',
      }),
    ]);
    expect([erased.__typename, created.__typename]).toEqual(['EraseUserSuccess', 'UserIdTakenError']);
  }
});
