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
/** Longer than any test: what happens, happens in one pass. */
const never = 600_000;
/** More than the loop reads at once, twice. */
const failing = 23;

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
  for (let count = 0; count < failing; count += 1) failingIds.push(await beginErasure('stuck'));
  // All in one microsecond, so that a page ends between erasures of the same time, which no Date holds.
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

/** An erasure that cannot go on when its user's history is `stuck`. */
async function beginErasure(summary: string): Promise<string> {
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
    log: createLogger({ level: 'info', destination, readable: false }),
    pollIntervalMs: never,
  });
  loop = started;
  started.start();
  return started;
}

it('completes in one pass what waits behind more failing erasures than are read at once', async () => {
  const { erasures } = services;
  const id = await beginErasure('free');
  startLoop(erasures);
  await eventually(async () => expect(await erasures.find(id)).toMatchObject({ status: 'COMPLETED' }));
  const waiting = (await erasures.findRunning(100)).map((it) => it.id);
  expect(new Set(waiting)).toEqual(new Set(failingIds));
});

it('warns once in a pass: how many failed, and the cause of the first, in ids only', async () => {
  const advance = jest.spyOn(services.erasures, 'advance');
  const started = startLoop(services.erasures);
  await eventually(() => expect(logged).not.toEqual([]));
  await started.stop();
  const tried = advance.mock.calls.map(([id]) => id);
  expect(tried).toHaveLength(failing);
  expect(new Set(tried)).toEqual(new Set(failingIds));
  expect(logged).toEqual([
    expect.objectContaining({
      level: 'warn',
      failed: failing,
      erasureId: tried[0],
      err: expect.objectContaining({ name: 'QueryFailedError' }),
    }),
  ]);
  expect(JSON.stringify(logged)).not.toMatch(/lovelace/i);
});

it('takes no further erasure once it is told to stop', async () => {
  const advance = jest.spyOn(services.erasures, 'advance').mockImplementation(async () => {
    void loop?.stop();
    throw new Error('cut off');
  });
  const started = startLoop(services.erasures);
  await eventually(() => expect(advance).toHaveBeenCalled());
  await started.stop();
  expect(advance).toHaveBeenCalledTimes(1);
});

it('waits for its next pass when the database does not answer', async () => {
  const { erasures } = createServicesOn(openDatabase(testDatabase.url, silent));
  const findRunning = jest.spyOn(erasures, 'findRunning');
  const started = startLoop(erasures);
  await eventually(() => expect(logged).not.toEqual([]));
  // Another pass would have begun by the time that a database answers.
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
