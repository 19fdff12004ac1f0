import { v7 as uuidv7 } from 'uuid';
import { openDatabase } from '../../src/data-source';
import { createIntake } from '../../src/intake';
import type { Database } from '../../src/postgres/database';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { startTestApp, type TestApp } from '../testkit/app';
import { commerceOf } from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { lockTable } from '../testkit/locked-table';
import { createRetention } from '../testkit/retention';
import { createUser, mutate } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const createUsers = (count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, async () => (await createUser(app)).id));

it('retention holds no connection while it erases a user', async () => {
  const ids = await createUsers(2);
  await app.sql(
    `UPDATE users SET status = 'DEACTIVATED', status_changed_at = now() - interval '40 days' WHERE id = ANY ($1)`,
    [ids],
  );
  const database = openDatabase(app.databaseUrl, createLogger({ level: 'silent' }), 1);
  await database.connect();
  try {
    const retention = createRetention(database, { RETENTION_DEACTIVATED_DAYS: 30 });
    expect(await retention.run()).toMatchObject({ users: 2 });
    expect(await app.sql('SELECT 1 FROM users WHERE id = ANY ($1)', [ids])).toEqual([]);
  } finally {
    await database.close();
  }
});

it('requests get responses while the batches of more erasures than there are connections wait for a lock', async () => {
  const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
  const ids = await createUsers(12);
  const lock = await lockTable(app.databaseUrl, 'user_history');
  let running = true;
  const erasing = Promise.all(ids.map((userId) => mutate(app, 'eraseUser', { userId }, officer))).finally(
    () => {
      running = false;
    },
  );
  try {
    await lock.untilWaiting(4);
    let slowestMs = 0;
    do {
      const startedAtMs = performance.now();
      const { errors } = await app.graphql('{ users(first: 1) { nodes { id } } }', {}, { token: app.staff });
      expect(errors).toEqual([]);
      slowestMs = Math.max(slowestMs, performance.now() - startedAtMs);
    } while (running);
    // The calls wait three seconds for their batches.
    expect(slowestMs).toBeLessThan(700);
    await erasing;
  } finally {
    await lock.release();
  }
  await eventually(
    async () =>
      expect(
        await app.sql(`SELECT 1 FROM erasures WHERE user_id = ANY ($1) AND status = 'COMPLETED'`, [ids]),
      ).toHaveLength(ids.length),
    { timeoutMs: 15_000 },
  );
});

describe('retention that removes the entry of an event', () => {
  const log = createLogger({ level: 'silent' });
  let database: Database;
  beforeAll(async () => {
    database = openDatabase(app.databaseUrl, log);
    await database.connect();
  });
  afterAll(() => database.close());

  const retention = () => createRetention(database, { RETENTION_HISTORY_DAYS: 365 });
  const intake = () => createIntake({ database, metrics: createMetrics(), log, waitingDays: 30 });
  const expire = (eventId: string) =>
    app.sql(`UPDATE user_history SET recorded_at = now() - interval '400 days' WHERE event_id = $1`, [
      eventId,
    ]);
  const untilOneWaits = () =>
    eventually(async () =>
      expect(
        await app.sql(`SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
          AND wait_event_type = 'Lock' AND wait_event = 'transactionid'`),
      ).toHaveLength(1),
    );
  const orderOf = (userId: string, total: string) => ({
    type: 'OrderPlaced' as const,
    source: '/order.events',
    eventId: uuidv7(),
    occurredAt: new Date('2026-03-01T10:00:00Z'),
    orderId: uuidv7(),
    userId,
    total: { amount: total, currency: 'EUR' },
    itemCount: null,
  });

  it('folds no event that is delivered again before the removal commits', async () => {
    const { id: userId } = await createUser(app);
    const { fold } = intake();
    const [first, second] = [orderOf(userId, '1'), orderOf(userId, '2')];
    expect(await fold.fold([first, second])).toEqual(['folded', 'folded']);
    // The first removal updates the summary, the second does not.
    await expire(first.eventId);
    expect(await retention().run()).toMatchObject({ historyEntries: 1 });
    await expire(second.eventId);
    const audit = await lockTable(app.databaseUrl, 'audit_entries');
    const removal = retention().run();
    await audit.untilWaiting(1);
    const folding = fold.fold([second]);
    await untilOneWaits();
    await audit.release();
    expect(await folding).toEqual(['duplicate']);
    expect(await removal).toMatchObject({ historyEntries: 1 });
    expect(await commerceOf(app, userId)).toMatchObject({
      orderCount: 2,
      spent: [{ amount: '3', currency: 'EUR' }],
      history: [],
    });
  });

  it('waits for a fold of this event, which does not wait for it', async () => {
    const { id: userId } = await createUser(app);
    const { fold, commerce } = intake();
    const event = orderOf(userId, '1');
    expect(await fold.fold([event])).toEqual(['folded']);
    await expire(event.eventId);
    const [removal, recorded] = await database.transaction(async (tx) => {
      await commerce.lockSummaries(tx, [userId]);
      const run = retention().run();
      await untilOneWaits();
      return [{ run }, await commerce.recordEntries(tx, [{ event, userId, late: false }])];
    });
    expect(recorded).toEqual([]);
    expect(await removal.run).toMatchObject({ historyEntries: 1 });
  });

  it('keeps it if the user is held while the removal waits for a fold', async () => {
    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    const { id: userId } = await createUser(app);
    const { fold, commerce } = intake();
    const event = orderOf(userId, '1');
    expect(await fold.fold([event])).toEqual(['folded']);
    await expire(event.eventId);
    const removal = await database.transaction(async (tx) => {
      await commerce.lockSummaries(tx, [userId]);
      const run = retention().run();
      await untilOneWaits();
      await mutate(app, 'placeLegalHold', { userId, reason: 'a dispute' }, officer);
      return { run };
    });
    expect(await removal.run).toMatchObject({ historyEntries: 0 });
  });
});
