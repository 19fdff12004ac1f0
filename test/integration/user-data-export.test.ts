import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { v7 as uuidv7 } from 'uuid';
import { personalDataMap } from '../../src/personal-data/personal-data-map';
import { startTestApp, type TestApp } from '../testkit/app';
import {
  orderCancelled,
  orderPlaced,
  paymentFailed,
  signedIn,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { lockTable } from '../testkit/locked-table';
import { warnInactiveUser } from '../testkit/retention';
import { createUser, mutate } from '../testkit/users';

const schema = JSON.parse(readFileSync('contract/user-data-export.schema.json', 'utf8'));
const ajv = addFormats.default(new Ajv({ allowUnionTypes: true }));
const validate = ajv.compile(schema);

let app: TestApp;
let officer: string;
let userId: string;
let orderId: string;
let cancelledId: string;

beforeAll(async () => {
  app = await startTestApp();
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
  const others = await startForeignService(app);
  [orderId, cancelledId] = [uuidv7(), uuidv7()];
  const address = { street: '1 Main Street', city: 'Springfield' };
  ({ id: userId } = await createUser(app, { displayName: 'Ada', phoneNumber: '+14155550100', address }));
  await warnInactiveUser(app, userId);
  const { id: otherId } = await createUser(app, { firstName: 'Else' });
  await mutate(app, 'updateEmailPreferences', { userId, newsletter: true, source: 'form' });
  await mutate(app, 'requestEmailVerification', { userId });
  await mutate(app, 'requestPhoneVerification', { userId });
  await mutate(app, 'deactivateUser', { userId, reason: 'INACTIVITY', notes: 'noted by staff' });
  await mutate(app, 'eraseUser', { userId, graceDays: 5 }, officer);
  await others.publish(
    orderPlaced(userId, { orderId, total: { value: '12.50', currency: 'EUR' } }),
    orderPlaced(userId, { orderId: cancelledId, total: { value: 99, currency: 'EUR' } }),
    orderCancelled(cancelledId),
    paymentFailed(orderId),
    signedIn(userId, '2026-03-01T09:00:00Z'),
    orderPlaced(otherId, { orderId: 'order of another user' }),
  );
  await eventually(async () =>
    expect(await app.sql(`SELECT 1 FROM user_history WHERE late OR source LIKE '/%.events'`)).toHaveLength(5),
  );
  await others.close();
});
afterAll(() => app.stop());

const exported = async (token: string) =>
  (await mutate(app, 'exportUserData', { userId }, token)).export as { generatedAt: string; document: any };

it('exportUserData returns a document that matches its schema and has no data of other users or staff notes', async () => {
  const { document, generatedAt } = await exported(await app.token({ sub: userId }));
  validate(document);
  expect(validate.errors).toBeNull();
  expect(Date.now() - new Date(generatedAt).getTime()).toBeLessThan(60_000);
  expect(document).toMatchObject({
    userId,
    profile: {
      displayName: 'Ada',
      phoneNumber: '+14155550100',
      address: { city: 'Springfield' },
      version: 3,
    },
    activity: { lastSeenAt: '2026-03-01T09:00:00.000Z' },
    emailPreferences: { newsletter: true, marketing: false },
    consents: [{ topic: 'newsletter', granted: true, source: 'form', actor: 'staff' }],
    verifications: [{ usedAt: null }],
    phoneVerifications: [{ tries: 0, usedAt: null }],
    commerce: { orderCount: 2, cancelledOrderCount: 1, failedPaymentCount: 1, loyaltyPoints: '0' },
    spending: [{ currency: 'EUR', amount: '12.5', orderCount: 1 }],
    orders: [{ orderId }, { orderId: cancelledId }],
    cancelledOrders: [{ orderId: cancelledId }],
  });
  expect(document.history.map((entry: { type: string }) => entry.type).sort()).toEqual([
    'EMAIL_PREFERENCES_UPDATED',
    'ORDER_CANCELLED',
    'ORDER_PLACED',
    'ORDER_PLACED',
    'PAYMENT_FAILED',
    'USER_CREATED',
    'USER_DEACTIVATED',
  ]);
  expect(document.recipients.length).toBeGreaterThan(2);
  const text = JSON.stringify(document);
  expect(text).not.toContain('noted by staff');
  expect(text).not.toContain('another user');
  expect(text).not.toContain('Else');
});

it('exportUserData returns exactly the fields that the map of personal data exports', async () => {
  const { document } = await exported(await app.token({ sub: userId }));
  const names = Object.entries(document as Record<string, unknown>).flatMap(([section, content]) => {
    const [first] = Array.isArray(content) ? content : [content];
    return typeof first === 'object' && section !== 'recipients'
      ? Object.keys(first as object).map((name) => `${section}.${name}`)
      : [];
  });
  const wanted = Object.values(personalDataMap).flatMap(({ columns }) =>
    Object.values(columns).flatMap(({ exportedAs }) => exportedAs ?? []),
  );
  expect(names.sort()).toEqual(wanted.sort());
});

it('exportUserData lists the fields that each recipient receives in each message', async () => {
  const { document } = await exported(officer);
  const { receives } = document.recipients.find(({ name }: { name: string }) => name.endsWith('user.events'));
  expect(receives).toContain('email, createdAt, firstName, lastName in UserCreated');
  expect(receives).toContain('deactivatedAt, reason, additionalNotes in UserDeactivated');
  expect(receives).toContain('verifiedAt, previousEmail in UserEmailVerified');
});

it('exportUserData reads one snapshot, also if the user changes between two sections', async () => {
  const { id } = await createUser(app, { firstName: 'Before' });
  // A section that is read between the profile and the history.
  const table = await lockTable(app.databaseUrl, 'phone_verification_codes', 'reads');
  const exporting = mutate(app, 'exportUserData', { userId: id }, officer);
  try {
    await table.untilWaiting(1);
    await mutate(app, 'updateUser', { userId: id, firstName: 'After' });
  } finally {
    await table.release();
  }
  const { document } = (await exporting).export;
  expect(document.profile).toMatchObject({ firstName: 'Before', version: 1 });
  expect(document.history).toMatchObject([{ type: 'USER_CREATED' }]);
});

it('exportUserData reads PostgreSQL, not the cache', async () => {
  const read = () =>
    app.graphql('query ($id: ID!) { user(id: $id) { firstName } }', { id: userId }, { token: app.staff });
  await read();
  await app.sql(`UPDATE users SET first_name = 'Changed' WHERE id = $1`, [userId]);
  expect((await exported(officer)).document.profile.firstName).toBe('Changed');
  expect((await read()).data.user.firstName).toBe('Ada');
});

it('exportUserData lists exports by other actors, and none by the user', async () => {
  await exported(officer);
  const { document } = await exported(await app.token({ sub: userId }));
  const exports = document.accesses.filter(
    ({ action }: { action: string }) => action === 'USER_DATA_EXPORTED',
  );
  expect(new Set(exports.map(({ actor }: { actor: string }) => actor))).toEqual(new Set(['officer']));
});

it('exportUserData shows only the user’s own fields of a read of several users', async () => {
  const { id: other } = await createUser(app);
  const actor = 'reader-of-two';
  const { errors } = await app.graphql(
    'query ($one: ID!, $two: ID!) { one: user(id: $one) { email } two: user(id: $two) { email locale } }',
    { one: userId, two: other },
    { token: await app.token({ sub: actor, scope: 'users:read' }) },
  );
  expect(errors).toEqual([]);
  const { document } = await exported(officer);
  const accesses = document.accesses.filter((access: { actor: string }) => access.actor === actor);
  expect(accesses).toEqual([
    {
      at: expect.any(String),
      actor,
      action: 'USER_READ',
      fields: ['email'],
      count: 1,
      reason: null,
      changes: null,
    },
  ]);
  expect(JSON.stringify(document)).not.toContain(other);
});

it('exportUserData returns every entry of a long history', async () => {
  await app.sql(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     SELECT gen_random_uuid(), $1, 'ORDER_PLACED', now(), now(), 'test', n, 'An order', '{}' FROM generate_series(1, 2500) AS n`,
    [userId],
  );
  const { document } = await exported(officer);
  expect(new Set(document.history.map(({ eventId }: { eventId: string }) => eventId)).size).toBe(2507);
});

it('exportUserData returns UserNotFoundError for unknown and malformed ids', async () => {
  for (const id of [uuidv7(), 'malformed'])
    expect(await mutate(app, 'exportUserData', { userId: id }, officer)).toMatchObject({
      __typename: 'UserNotFoundError',
    });
});
