import { randomUUID } from 'node:crypto';
import { openDatabase } from '../../src/data-source';
import type { Database } from '../../src/postgres/database';
import { createErasureLoop } from '../../src/privacy/erasure-loop';
import type { Erasures } from '../../src/privacy/erasures';
import { InProcessRecordCache } from '../../src/redis/in-process-record-cache';
import type { Job } from '../../src/scheduling/job';
import { createServices, type Services } from '../../src/services';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { eventually } from '../testkit/eventually';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

const caller = { actor: { id: 'officer', scopes: new Set<string>() }, traceparent: null };
const silent = createLogger({ level: 'silent' });
/** Longer than any test, so that the loop makes one pass. */
const onePassMs = 600_000;
/** More than two pages of the loop. */
const failingCount = 23;

let testDatabase: TestDatabase;
let database: Database;
let services: Services;
let failingIds: string[];
let logged: Record<string, unknown>[];
let loop: Job | undefined;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, silent);
  await database.connect();
  services = createServicesOn(database);
  await database.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'of Ada Lovelace'; END $$;
    CREATE TRIGGER refuse BEFORE DELETE ON user_history FOR EACH ROW
      WHEN (OLD.summary = 'stuck') EXECUTE FUNCTION refuse()`);
  failingIds = [];
  for (let count = 0; count < failingCount; count += 1) failingIds.push(await startErasure('stuck'));
  // One time for all, so that a page ends between equal times. A Date cannot hold its microseconds.
  await database.query(`UPDATE erasures SET requested_at = '2026-01-01T00:00:00.123456Z'`);
});
beforeEach(() => {
  logged = [];
});
afterEach(async () => {
  await loop?.stop();
  jest.restoreAllMocks();
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

function createServicesOn(on: Database): Services {
  return createServices({
    database: on,
    recordCache: new InProcessRecordCache(),
    metrics: createMetrics(),
    log: silent,
    authenticationServiceUrl: null,
    erasurePatienceMs: 0,
  });
}

/** Starts an erasure, which fails if `summary` is `stuck`, and returns its id. */
async function startErasure(summary: string): Promise<string> {
  const { id: userId } = await services.userService.create(caller, {
    email: `${randomUUID()}@example.com`,
    firstName: 'Ada',
    lastName: 'Lovelace',
  });
  await database.query(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     VALUES (gen_random_uuid(), $1::uuid, 'ORDER_PLACED', now(), now(), 'test', $1::text, $2, '{}')`,
    [userId, summary],
  );
  const { id } = await services.erasures.erase(caller, { userId });
  return id;
}

function startLoop(erasures: Erasures): Job {
  const destination = { write: (line: string) => void logged.push(JSON.parse(line)) };
  const started = createErasureLoop({
    erasures,
    metrics: createMetrics(),
    scheduledErasures: { findDue: async () => [], start: async () => undefined },
    log: createLogger({ level: 'info', destination, readable: false }),
    pollIntervalMs: onePassMs,
  });
  loop = started;
  started.start();
  return started;
}

it('the loop completes an erasure in one pass behind more than two pages of failing ones', async () => {
  const { erasures } = services;
  const id = await startErasure('free');
  startLoop(erasures);
  await eventually(async () => expect(await erasures.find(id)).toMatchObject({ status: 'COMPLETED' }));
  const waiting = (await erasures.findRunning(100)).map((it) => it.id);
  expect(new Set(waiting)).toEqual(new Set(failingIds));
});

it('the loop logs one warning in a pass, with the number of failures, the first cause and ids only', async () => {
  const advance = jest.spyOn(services.erasures, 'advance');
  const started = startLoop(services.erasures);
  await eventually(() => expect(logged).not.toEqual([]));
  await started.stop();
  const tried = advance.mock.calls.map(([id]) => id);
  expect(tried).toHaveLength(failingCount);
  expect(new Set(tried)).toEqual(new Set(failingIds));
  expect(logged).toEqual([
    expect.objectContaining({
      level: 'warn',
      failed: failingCount,
      erasureId: tried[0],
      err: expect.objectContaining({ name: 'QueryFailedError' }),
    }),
  ]);
  expect(JSON.stringify(logged)).not.toMatch(/lovelace/i);
});

it('the loop starts no further erasure after stop', async () => {
  const advance = jest.spyOn(services.erasures, 'advance').mockImplementation(async () => {
    void loop?.stop();
    throw new Error('cut off');
  });
  const started = startLoop(services.erasures);
  await eventually(() => expect(advance).toHaveBeenCalled());
  await started.stop();
  expect(advance).toHaveBeenCalledTimes(1);
});

it('the loop ends its pass and warns when the database is not connected', async () => {
  const { erasures } = createServicesOn(openDatabase(testDatabase.url, silent));
  const findRunning = jest.spyOn(erasures, 'findRunning');
  const started = startLoop(erasures);
  await eventually(() => expect(logged).not.toEqual([]));
  // Another pass would have started by the time of this response.
  await database.query('SELECT count(*) FROM user_history');
  await started.stop();
  expect(findRunning).toHaveBeenCalledTimes(1);
  expect(logged).toEqual([
    expect.objectContaining({
      level: 'warn',
      err: expect.objectContaining({ name: 'DatabaseUnavailableError' }),
    }),
  ]);
});
