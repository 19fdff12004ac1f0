import { personalDataMap } from '../../src/personal-data/personal-data-map';
import { personalDataOfEvents, secretFields } from '../../src/personal-data/personal-data-of-events';
import { ownExchanges } from '../../src/rabbitmq/topology';
import { startTestApp, type TestApp } from '../testkit/app';
import {
  type ForeignMessage,
  type ForeignService,
  foreignEvent,
  orderCancelled,
  orderPlaced,
  paymentFailed,
  pointsEarned,
  signedIn,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { formsOf } from '../testkit/json-values';
import { type Mailbox, openMailbox } from '../testkit/mailbox';
import { warnInactiveUser } from '../testkit/retention';
import { keepPublishedEvents } from '../testkit/stored-rows';
import { createUser, mutate } from '../testkit/users';

let app: TestApp;
let mailbox: Mailbox;
let others: ForeignService;
beforeAll(async () => {
  app = await startTestApp();
  await keepPublishedEvents(app);
  mailbox = await openMailbox(app);
  others = await startForeignService(app);
});
afterAll(async () => {
  await others.close();
  await mailbox.close();
  await app.stop();
});

/** Returns all stored values as text by `table.column`, except encrypted values and unprocessed messages. */
async function storedTexts(): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const table of Object.keys(personalDataMap)) {
    if (['outbox_events', 'waiting_events', 'parked_messages'].includes(table)) continue;
    const rows = await app.sql<{ row: Record<string, unknown> }>(`SELECT to_jsonb(t) AS row FROM ${table} t`);
    for (const { row } of rows)
      for (const [column, value] of Object.entries(row)) {
        const path = `${table}.${column}`;
        texts.set(path, `${texts.get(path) ?? ''}\n${JSON.stringify(value)}`);
      }
  }
  return texts;
}

/** Returns the columns that contain a value in one of its forms. */
async function columnsWith(...forms: string[]): Promise<string[]> {
  const found = [...(await storedTexts())].filter(([, text]) => forms.some((form) => text.includes(form)));
  return found.map(([path]) => path).sort((a, b) => a.localeCompare(b));
}

const declared = (type: string, field: string) =>
  [...(personalDataOfEvents[type]?.fields[field]?.columns ?? [])].sort((a, b) => a.localeCompare(b));

describe('each field of a consumed message is stored in exactly the columns of the map:', () => {
  let userId: string;
  beforeAll(async () => {
    ({ id: userId } = await createUser(app));
  });

  /** Folds a message and asserts that each field, in one of its stored forms, is in its columns only. */
  async function expectStored(message: ForeignMessage, fields: Record<string, string[]>): Promise<void> {
    await others.publish(message);
    const { id } = JSON.parse(message.body.toString());
    await eventually(async () =>
      expect(await app.sql('SELECT 1 FROM user_history WHERE event_id = $1', [id])).toHaveLength(1),
    );
    const type = String(message.properties.type);
    for (const [field, forms] of Object.entries(fields))
      expect([field, await columnsWith(...forms)]).toEqual([field, declared(type, field)]);
  }

  it('an order', async () => {
    const order = {
      orderId: 'order-of-kanari',
      total: { value: '1357.91', currency: 'CHF' },
      items: [1, 2, 3],
    };
    await expectStored(
      orderPlaced(userId, { ...order, placedAt: '2026-02-03T04:05:06Z', coupon: 'for-kanari' }),
      {
        orderId: ['order-of-kanari'],
        total: ['1357.91'],
        currency: ['CHF'],
        placedAt: ['2026-02-03T04:05:06'],
        items: ['"itemCount":3', '3 items'],
      },
    );
    expect(await columnsWith('for-kanari')).toEqual([]);
    expect(await columnsWith(userId)).toEqual(expect.arrayContaining(declared('OrderPlaced', 'userId')));
  });

  it('an order with deprecated field names', async () => {
    const { id: customerId } = await createUser(app);
    const order = { orderId: 'another', totalAmount: '2468.13', currency: 'SEK' };
    await expectStored(
      foreignEvent('OrderPlaced', { ...order, customerId, createdAt: '2026-02-03T07:08:09Z' }),
      { totalAmount: ['2468.13'], currency: ['SEK'], createdAt: ['2026-02-03T07:08:09'] },
    );
    expect(await columnsWith(customerId)).toEqual(
      expect.arrayContaining(declared('OrderPlaced', 'customerId')),
    );
  });

  it('a payment', async () => {
    const { id: customerId } = await createUser(app);
    await others.publish(
      orderPlaced(customerId, { orderId: 'order-to-pay', placedAt: '2026-02-03T09:00:00Z' }),
    );
    const payment = {
      paymentId: 'payment-of-kanari',
      errorCode: 'KANARI_DECLINED',
      errorMessage: 'no kanari',
    };
    const amount = { value: '75.31', currency: 'NOK' };
    await expectStored(
      paymentFailed('order-to-pay', { ...payment, amount, timestamp: '2026-02-03T10:11:12Z' }),
      {
        paymentId: ['payment-of-kanari'],
        errorCode: ['KANARI_DECLINED'],
        errorMessage: ['no kanari'],
        amount: ['75.31', 'NOK'],
        timestamp: ['2026-02-03T10:11:12'],
      },
    );
    expect(await columnsWith('order-to-pay')).toEqual(
      expect.arrayContaining(declared('PaymentFailed', 'orderId')),
    );
  });

  it('a cancellation', async () => {
    const { id: customerId } = await createUser(app);
    const stored = {
      orderId: ['order-to-cancel'],
      reason: ['a kanari flew'],
      cancelledAt: ['2026-03-05T06:07:08'],
    };
    await others.publish(orderPlaced(customerId, { orderId: 'order-to-cancel-2' }));
    await others.publish(orderPlaced(customerId, { orderId: 'order-to-cancel-1' }));
    await expectStored(
      orderCancelled('order-to-cancel-1', { reason: 'a kanari flew', cancelledAt: '2026-03-05T06:07:08Z' }),
      { reason: stored.reason, cancelledAt: stored.cancelledAt },
    );
    await expectStored(
      foreignEvent('OrderCanceled', { orderId: 'order-to-cancel-2', canceledAt: '2026-03-06T06:07:08Z' }),
      { canceledAt: ['2026-03-06T06:07:08'] },
    );
    expect(await columnsWith('order-to-cancel-1')).toEqual(
      expect.arrayContaining(declared('OrderCancelled', 'orderId')),
    );
  });

  it('a sign-in', async () => {
    const { id } = await createUser(app);
    await others.publish(signedIn(id, '2026-03-07T06:07:08Z'));
    await eventually(async () =>
      expect(await columnsWith('2026-03-07T06:07:08')).toEqual(
        declared('UserAuthenticated', 'authenticatedAt'),
      ),
    );
    expect(await columnsWith(id)).toEqual(expect.arrayContaining(declared('UserAuthenticated', 'userId')));
  });

  it('points', async () => {
    const points = { points: 97_531, orderId: 'points-of-kanari', reason: 'a kanari' };
    await expectStored(pointsEarned(userId, { ...points, earnedAt: '2026-02-04T01:02:03Z' }), {
      points: ['97531'],
      orderId: ['points-of-kanari'],
      reason: ['a kanari'],
      earnedAt: ['2026-02-04T01:02:03'],
    });
    for (const field of ['userId', 'customerId'])
      expect(await columnsWith(userId)).toEqual(
        expect.arrayContaining(declared('LoyaltyPointsEarned', field)),
      );
  });
});

describe('each field of a published message is read from the columns of the map:', () => {
  /** For each field (`type.field`), the columns of the map that contained a published value. */
  const seen = new Map<string, Set<string>>();

  /** Asserts that the value of each field is in one of its columns. */
  async function expectInColumns(type: string, data: Record<string, unknown>): Promise<void> {
    for (const [field, value] of Object.entries(data)) {
      const name = `${type}.${field}`;
      const found = await columnsWith(...formsOf(value));
      const columns = declared(type, field).filter((column) => found.includes(column));
      if (declared(type, field).length > 0) expect([name, columns]).not.toEqual([name, []]);
      seen.set(name, new Set([...(seen.get(name) ?? []), ...columns]));
    }
  }

  /** Calls a mutation and returns the data of the messages it published, by type. */
  function publishedBy(mutation: string, input: Record<string, unknown>, token?: string): Promise<any> {
    return publishedWhile(async () => {
      const result = await mutate(app, mutation, input, token);
      expect(result.__typename).toMatch(/Success$/);
    });
  }

  /** Returns the data of the messages that `work` published, by type. */
  async function publishedWhile(work: () => Promise<void>): Promise<any> {
    const [last] = await app.sql<{ at: string }>('SELECT coalesce(max(position), 0) AS at FROM all_events');
    await work();
    const events = await app.sql<{ type: string; data: Record<string, unknown> }>(
      'SELECT type, data FROM all_events WHERE position > $1',
      [last?.at],
    );
    expect(events).not.toEqual([]);
    // The stored event loses its secrets once it is published.
    for (const event of events)
      if (event.type in secretFields) event.data = await mailbox.last(String(event.data.userId), event.type);
    for (const { type, data } of events) await expectInColumns(type, data);
    return Object.fromEntries(events.map(({ type, data }) => [type, data]));
  }

  it('every change of a user, whose entered values are in no other column', async () => {
    const names = {
      email: 'Of.Kanari@example.com',
      username: 'bird',
      phoneNumber: '+14155550199',
      firstName: 'Kanaria',
      lastName: 'O’Kanari',
    };
    const { UserCreated } = await publishedBy('createUser', names);
    for (const field of ['email', 'firstName', 'lastName'])
      expect([field, await columnsWith(JSON.stringify(UserCreated[field]))]).toEqual([
        field,
        declared('UserCreated', field),
      ]);
    const { userId } = UserCreated;
    const { UserEmailVerificationRequested: request } = await publishedBy('requestEmailVerification', {
      userId,
    });
    expect(await columnsWith(request.token)).toEqual([]);
    await publishedBy('confirmEmail', { token: request.token });
    await publishedBy('updateUser', { userId, email: 'new.of.kanari@example.com' });
    const { UserEmailVerificationRequested: change } = await publishedBy('requestEmailVerification', {
      userId,
    });
    await publishedBy('confirmEmail', { token: change.token });
    const { UserPhoneVerificationRequested: phone } = await publishedBy('requestPhoneVerification', {
      userId,
    });
    expect(await columnsWith(JSON.stringify(phone.code))).toEqual([]);
    await publishedBy('confirmPhone', { userId, code: phone.code });
    await publishedBy('updateEmailPreferences', {
      userId,
      newsletter: true,
      marketing: false,
      source: 'form',
    });
    const none = { marketing: false, newsletter: false, recommendations: false, loyalty: false };
    await publishedBy('updateEmailPreferences', { userId, ...none, orderUpdates: false });
    await publishedBy('deactivateUser', { userId, reason: 'INACTIVITY', notes: 'noted of kanari' });
    expect(await columnsWith('noted of kanari')).toEqual(declared('UserDeactivated', 'additionalNotes'));
    await publishedBy('reactivateUser', { userId });
    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    await publishedBy('exportUserData', { userId }, officer);
    await publishedBy('eraseUser', { userId, graceDays: 5 }, officer);
    await publishedBy('cancelErasure', { userId }, officer);
    const { id: inactive } = await createUser(app);
    await publishedWhile(() => warnInactiveUser(app, inactive));
    await publishedBy('eraseUser', { userId, reason: 'asked for' }, officer);
  });

  it('seals of the audit trail', async () => {
    const sealed = "SELECT data FROM all_events WHERE type = 'AuditSealed'";
    await eventually(async () => expect(await app.sql(sealed)).not.toEqual([]));
    const [seal] = await app.sql<{ data: Record<string, unknown> }>(sealed);
    await expectInColumns('AuditSealed', seal?.data ?? {});
  });

  it('every field and every column of the map', () => {
    const out = Object.entries(personalDataOfEvents).filter(([, { exchange }]) =>
      ownExchanges.includes(exchange),
    );
    const names = out.flatMap(([type, { fields }]) =>
      Object.keys(fields).map((field) => [type, field] as const),
    );
    for (const [type, field] of names) {
      const name = `${type}.${field}`;
      // No reader gives a reason yet.
      if (name === 'UserDataAccessed.reason') continue;
      expect([name, [...(seen.get(name) ?? ['never published'])]]).toEqual([name, declared(type, field)]);
    }
  });
});
