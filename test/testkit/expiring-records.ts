import { randomUUID } from 'node:crypto';
import { expiries, type TableExpiry } from '../../src/personal-data/expiries';
import type { TestApp } from './app';
import { createUser } from './users';

/** Inserts a record that can expire, about this user, and returns the SQL condition that selects it. */
type Seed = (app: TestApp, userId: string) => Promise<string>;

/** One for each expiry in the map of personal data. */
const seeds: Record<string, Seed> = {
  historyEntries: (app, userId) =>
    insert(app, 'user_history', 'id', { ...historyEntry(userId), summary: 'Changed', recorded_at: 'now' }),
  waitingEvents: (app) => {
    const event = { eventId: randomUUID(), source: '/order.events', orderId: randomUUID() };
    const waiting = { type: 'PaymentFailed', waits_for: 'order', waits_for_id: event.orderId };
    return insert(app, 'waiting_events', 'event_id', {
      ...waiting,
      event_id: event.eventId,
      source: event.source,
      event: JSON.stringify({
        ...event,
        type: 'PaymentFailed',
        occurredAt: new Date(),
        paymentId: randomUUID(),
        errorCode: null,
        errorMessage: null,
        amount: null,
      }),
    });
  },
  parkedMessages: (app, userId) =>
    insert(app, 'parked_messages', 'id', {
      id: randomUUID(),
      fingerprint: randomUUID(),
      reason: 'INVALID_TIME',
      detail: '',
      user_id: userId,
      exchange: '',
      routing_key: '',
      headers: '{}',
      body: '',
      attempts: 1,
    }),
  outboxEvents: (app, userId) =>
    insert(app, 'outbox_events', 'id', {
      id: randomUUID(),
      user_id: userId,
      version: 1_000,
      type: 'UserUpdated',
      data: '{}',
      occurred_at: 'now',
      lane: 99,
      published_at: 'now',
    }),
  idempotencyKeys: (app, userId) =>
    insert(app, 'idempotency_keys', 'key', {
      actor_id: 'staff',
      key: randomUUID(),
      input_digest: '',
      user_id: userId,
      outcome: 'SUCCESS',
      created_at: 'now',
    }),
  deliveryAttempts: (app) =>
    insert(app, 'delivery_attempts', 'fingerprint', {
      fingerprint: randomUUID(),
      attempts: 1,
      attempted_at: 'now',
    }),
  verificationTokens: (app, userId) =>
    insert(app, 'email_verification_tokens', 'id', {
      id: randomUUID(),
      user_id: userId,
      email_digest: '',
      issued_at: 'now',
      expires_at: 'now',
    }),
  addressChanges: (app, userId) =>
    insert(app, 'address_changes', 'user_id', { user_id: userId, tried_at: '{}', changed_at: 'now' }),
  phoneVerificationCodes: (app, userId) =>
    insert(app, 'phone_verification_codes', 'id', {
      id: randomUUID(),
      user_id: userId,
      phone_digest: '',
      code_digest: '',
      issued_at: 'now',
      expires_at: 'now',
    }),
  users: (app, userId) => changeStatus(app, userId, 'DEACTIVATED'),
  pendingUsers: (app, userId) => changeStatus(app, userId, 'PENDING'),
};

export interface ExpiringRecord {
  readonly expiry: TableExpiry;
  /** The SQL condition that selects the record. */
  readonly condition: string;
  /** The user the record is about. */
  readonly userId: string;
}

/** Creates one record per expiry, each of a new user, that expired `hours` ago (negative: will expire). */
export function createExpiringRecords(
  app: TestApp,
  { configuredDays, hours }: { configuredDays: number; hours: number },
): Promise<ExpiringRecord[]> {
  return Promise.all(
    expiries.map(async (expiry) => {
      const { name, table, since, days } = expiry;
      const seed = seeds[name];
      if (!seed) throw new Error(`add a seed for ${name}`);
      const { id: userId } = await createUser(app);
      const condition = await seed(app, userId);
      await app.sql(
        `UPDATE ${table} SET ${since} = now() - make_interval(days => $1, hours => $2) WHERE ${condition}`,
        [typeof days === 'number' ? days : configuredDays, hours],
      );
      return { expiry, condition, userId };
    }),
  );
}

/** The names of the records that still exist. */
export async function namesOfKept(app: TestApp, records: readonly ExpiringRecord[]): Promise<string[]> {
  const kept = await Promise.all(
    records.map(async ({ expiry, condition }) => {
      const rows = await app.sql(`SELECT 1 FROM ${expiry.table} WHERE ${condition}`);
      return rows.length > 0 ? [expiry.name] : [];
    }),
  );
  return kept.flat();
}

function historyEntry(userId: string) {
  const id = randomUUID();
  return {
    id,
    user_id: userId,
    type: 'USER_UPDATED',
    occurred_at: 'now',
    source: '/',
    event_id: id,
    data: '{}',
  };
}

async function insert(
  app: TestApp,
  table: string,
  key: string,
  record: Readonly<Record<string, string | number>>,
): Promise<string> {
  const columns = Object.keys(record);
  const values = columns.map((_column, at) => `$${at + 1}`);
  const statement = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${values.join(', ')})`;
  await app.sql(statement, Object.values(record));
  return `${key} = '${record[key]}'`;
}

async function changeStatus(app: TestApp, userId: string, status: string): Promise<string> {
  await app.sql('UPDATE users SET status = $2 WHERE id = $1', [userId, status]);
  return `id = '${userId}'`;
}
