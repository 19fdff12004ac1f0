import { openDatabase } from '../../src/data-source';
import { createLogger } from '../../src/telemetry/logger';
import { startTestApp, type TestApp } from '../testkit/app';
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
