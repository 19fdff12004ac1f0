import { randomUUID } from 'node:crypto';
import { openDatabase } from '../../src/data-source';
import type { Database } from '../../src/postgres/database';
import { createErasureLoop } from '../../src/privacy/erasure-loop';
import type { Erasures } from '../../src/privacy/erasures';
import { InProcessRecordCache } from '../../src/redis/in-process-record-cache';
import { createServices, type Services } from '../../src/services';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { eventually } from '../testkit/eventually';
import { gate } from '../testkit/gate';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

const caller = { actor: { id: 'officer', scopes: new Set<string>() }, traceparent: null };
const historyLength = 2_500;
const log = createLogger({ level: 'silent' });

let testDatabase: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, log);
  await database.connect();
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** A replica that by default returns from an erasure once the user is unknown, and continues it only by `advance`. */
function startReplica(erasurePatienceMs = 0): Services {
  return createServices({
    database,
    recordCache: new InProcessRecordCache(),
    metrics: createMetrics(),
    log,
    authenticationServiceUrl: null,
    erasurePatienceMs,
  });
}

async function createUserWithHistory(): Promise<string> {
  const { id } = await startReplica().userService.create(caller, {
    email: `${randomUUID()}@example.com`,
    firstName: 'Ada',
    lastName: 'Lovelace',
    idempotencyKey: randomUUID(),
  });
  await database.query(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     SELECT gen_random_uuid(), $1::uuid, 'ORDER_PLACED', now(), now(), 'test', $1::text || n, 'An order', '{}'
     FROM generate_series(2, $2::int) AS n`,
    [id, historyLength],
  );
  return id;
}

async function countHistory(userId: string): Promise<number> {
  const rows = await database.query('SELECT 1 FROM user_history WHERE user_id = $1', [userId]);
  return rows.length;
}

/** Completes a running erasure with the loop of a replica. */
async function finish(erasures: Erasures, id: string): Promise<void> {
  const scheduledErasures = { findDue: async () => [], start: async () => undefined };
  const metrics = createMetrics();
  const loop = createErasureLoop({ erasures, scheduledErasures, metrics, log, pollIntervalMs: 10 });
  loop.start();
  await eventually(async () => expect(await erasures.find(id)).toMatchObject({ status: 'COMPLETED' }));
  await loop.stop();
}

it.each([0, 1, 2, 3])(
  'an erasure is completed as planned by another replica when the first stops after %d batches',
  async (batches) => {
    const userId = await createUserWithHistory();
    const { erasures } = startReplica();
    const plan = await erasures.plan(caller, { userId });
    const { id } = await erasures.erase(caller, { userId });
    for (let batch = 0; batch < batches; batch += 1) await erasures.advance(id);

    expect((await countHistory(userId)) === 0).toBe(batches === 3);
    expect(await erasures.find(id)).toMatchObject({ status: 'RUNNING' });
    await finish(startReplica().erasures, id);
    expect(await erasures.find(id)).toMatchObject({ effects: plan.effects });
    expect(await countHistory(userId)).toBe(0);
  },
);

it('an erasure whose first transaction took the time of the call is left to the loop', async () => {
  const userId = await createUserWithHistory();
  const { erasures } = startReplica(300);
  const locked = gate();
  const holding = database.transaction(async (tx) => {
    await tx.manager.query('SELECT FROM users WHERE id = $1 FOR UPDATE', [userId]);
    locked.open();
    await tx.manager.query('SELECT pg_sleep(0.5)');
  });
  await locked.opened;
  const { id, status } = await erasures.erase(caller, { userId });
  expect([status, await countHistory(userId)]).toEqual(['RUNNING', historyLength]);
  await holding;
  await finish(erasures, id);
});

it('an erasure counts every record once when three replicas advance it concurrently', async () => {
  const userId = await createUserWithHistory();
  const replicas = [1, 2, 3].map(() => startReplica().erasures);
  const [first] = replicas as [Erasures];
  const plan = await first.plan(caller, { userId });
  const { id } = await first.erase(caller, { userId });
  await Promise.all(
    replicas.map(async (replica) => {
      for (let step = 0; step < 5; step += 1) await replica.advance(id);
    }),
  );
  await finish(first, id);
  expect(await first.find(id)).toMatchObject({ effects: plan.effects });
});

it('an erasure returns COMPLETED also while other replicas delete its batches', async () => {
  const { erasures, userService } = startReplica(20_000);
  let running = true;
  const advanceAll = async () => {
    while (running) for (const { id } of await erasures.findRunning(10)) await erasures.advance(id);
  };
  const others = [advanceAll(), advanceAll()];
  const statuses: string[] = [];
  for (let user = 0; user < 20; user += 1) {
    const profile = { email: `${randomUUID()}@example.com`, firstName: 'Ada', lastName: 'Lovelace' };
    const { id: userId } = await userService.create(caller, profile);
    statuses.push((await erasures.erase(caller, { userId })).status);
  }
  running = false;
  await Promise.all(others);
  expect(new Set(statuses)).toEqual(new Set(['COMPLETED']));
});

it('an erasure rolls back and retries the batch in which the connection is lost', async () => {
  const userId = await createUserWithHistory();
  const { erasures } = startReplica();
  const plan = await erasures.plan(caller, { userId });
  const { id } = await erasures.erase(caller, { userId });
  await database.query(`
    CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE TRIGGER cut AFTER DELETE ON user_history FOR EACH STATEMENT EXECUTE FUNCTION cut()`);
  await expect(erasures.advance(id)).rejects.toThrow();
  expect(await countHistory(userId)).toBe(historyLength);
  await database.query('DROP FUNCTION cut CASCADE');
  await finish(startReplica().erasures, id);
  expect(await erasures.find(id)).toMatchObject({ effects: plan.effects });
});

it('an erasure is not complete before the cache has stored the tombstone', async () => {
  const userId = await createUserWithHistory();
  const { erasures, cache } = startReplica();
  const bury = jest.spyOn(cache, 'bury').mockResolvedValue(false);
  const { id } = await erasures.erase(caller, { userId });
  while (await erasures.advance(id));
  expect(await erasures.find(id)).toMatchObject({ status: 'RUNNING', completedAt: null });
  bury.mockRestore();
  await finish(erasures, id);
});
