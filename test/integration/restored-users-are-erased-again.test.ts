import { randomBytes, randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { openDatabase } from '../../src/data-source';
import { ErasureLedger, type LedgerEntry } from '../../src/privacy/erasure-ledger';
import { LedgerReplay, type ReplayOutcome } from '../../src/privacy/ledger-replay';
import { readStream } from '../../src/rabbitmq/rabbitmq-stream';
import { erasuresStream } from '../../src/rabbitmq/topology';
import { createRedisClient } from '../../src/redis/redis-client';
import { RedisRecordCache } from '../../src/redis/redis-record-cache';
import { createServices } from '../../src/services';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { startTestApp, type TestApp } from '../testkit/app';
import { rabbitMqUrl } from '../testkit/brokers';
import {
  type ForeignService,
  orderPlaced,
  pointsEarned,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { createReplicaServices } from '../testkit/retention';
import { findInSinks } from '../testkit/sinks';
import { backUp, type DatabaseBackup } from '../testkit/test-database';
import { buildUser, createUser, mutate } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

const caller = { actor: { id: 'command-line', scopes: new Set<string>() }, traceparent: null };

let app: TestApp;
let others: ForeignService;
let witness: Witness;
let officer: string;
let auditor: string;
let backup: DatabaseBackup;

beforeAll(async () => {
  app = await startTestApp();
  others = await startForeignService(app);
  witness = await startWitness(`${app.amqpPrefix}user.events`);
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
  auditor = await app.token({ sub: 'auditor', scope: 'users:audit' });
});
afterAll(async () => {
  await witness.close();
  await others.close();
  await app.stop();
  await backup.drop();
});

interface ReplayOptions {
  dryRun?: boolean;
  /** Defaults to the entries of the stream. */
  entries?: LedgerEntry[];
}

const erase = (userId: string) => mutate(app, 'eraseUser', { userId }, officer);
const hold = (mutation: string, userId: string) =>
  mutate(app, mutation, { userId, reason: 'a dispute' }, officer);
const reconnected = () =>
  eventually(() => app.sql('SELECT 1').then(() => createUser(app)), { timeoutMs: 20_000 });

async function readLedger(): Promise<ErasureLedger> {
  const ledger = new ErasureLedger();
  const name = `${app.amqpPrefix}${erasuresStream}`;
  await readStream(rabbitMqUrl(), name, (text) => ledger.add(text));
  return ledger;
}

/** Replays as the command does, with the names of this test. */
async function replay({ dryRun = false, entries }: ReplayOptions = {}): Promise<ReplayOutcome> {
  const log = createLogger({ level: 'silent' });
  const database = openDatabase(app.databaseUrl, log, 2);
  await database.connect();
  const redis = createRedisClient(process.env['TEST_REDIS_URL'] ?? '', log);
  const recordCache = new RedisRecordCache(redis, () => `${app.redisPrefix}${database.id}:`);
  const metrics = createMetrics();
  try {
    const { erasures } = createServices({
      database,
      recordCache,
      metrics,
      log,
      authenticationServiceUrl: null,
    });
    const ledger = entries ?? (await readLedger()).entries;
    return await new LedgerReplay(database, erasures).run(caller, ledger, { dryRun });
  } finally {
    await redis.close();
    await database.close();
  }
}

/** Creates a user with a unique text in many places. */
async function createCanary(): Promise<{ userId: string; text: string }> {
  const text = `kanari${randomBytes(5).toString('hex')}`;
  const { id: userId } = await createUser(app, {
    email: `${text}@example.com`,
    firstName: text,
    idempotencyKey: text,
  });
  await mutate(app, 'updateEmailPreferences', { userId, newsletter: true, source: text });
  await others.publish(orderPlaced(userId), pointsEarned(userId, { reason: text }));
  await eventually(async () =>
    expect(await app.sql('SELECT 1 FROM user_history WHERE user_id = $1', [userId])).toHaveLength(4),
  );
  return { userId, text };
}

const erasedEvents = (userId: string) =>
  witness.of(userId).filter(({ event }) => event.type === 'UserErased');
const emailOf = async (text: string) =>
  (await app.graphql(`{ userByEmail(email: "${text}@example.com") { id } }`, {}, { token: app.staff })).data
    .userByEmail;

it('a replay erases the users of an older backup everywhere, and records later users as erased', async () => {
  const restored = await createCanary();
  const held = await createCanary();
  await hold('placeLegalHold', held.userId);
  const before = await createCanary();
  await erase(before.userId);
  backup = await backUp(app.databaseUrl);
  await reconnected();

  await mutate(app, 'updateUser', { userId: restored.userId, lastName: 'Later' });
  await hold('releaseLegalHold', held.userId);
  const younger = await createCanary();
  const all = [restored, held, before, younger];
  for (const { userId } of [restored, held, younger]) await erase(userId);
  for (const { userId } of all)
    await eventually(() => expect(erasedEvents(userId)).toHaveLength(1), { timeoutMs: 10_000 });
  const firstSequence = Number(erasedEvents(restored.userId)[0]?.event.sequence);
  expect(
    await findInSinks(
      app,
      all.map(({ text }) => text),
    ),
  ).toEqual([]);

  await backup.restore();
  await reconnected();
  expect(await emailOf(restored.text)).toEqual({ id: restored.userId });
  expect(await findInSinks(app, [restored.text])).toContain('users');
  // A restored user may be changed before the replay.
  await mutate(app, 'updateUser', { userId: restored.userId, displayName: restored.text });

  expect(await replay({ dryRun: true })).toEqual({ erasedAgain: 2, recorded: 1, alreadyErased: 1, held: 0 });
  expect(await emailOf(restored.text)).toEqual({ id: restored.userId });
  expect(await replay()).toEqual({ erasedAgain: 2, recorded: 1, alreadyErased: 1, held: 0 });

  await eventually(async () =>
    expect(
      await findInSinks(
        app,
        all.map(({ text }) => text),
      ),
    ).toEqual([]),
  );
  for (const { userId } of all) {
    const { data } = await app.graphql(
      'query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { status email } } }',
      { r: [{ __typename: 'User', id: userId }] },
      { token: app.staff },
    );
    expect(data._entities).toEqual([{ status: 'UNKNOWN', email: null }]);
    expect(await mutate(app, 'createUser', buildUser({ userId }))).toMatchObject({
      __typename: 'UserIdTakenError',
    });
  }

  // Published again with a higher sequence, and not for users that the backup does not contain.
  await eventually(() => expect(erasedEvents(restored.userId)).toHaveLength(2), { timeoutMs: 10_000 });
  const [first, second] = erasedEvents(restored.userId);
  expect(second?.messageId).not.toBe(first?.messageId);
  expect(Number(second?.event.sequence)).toBe(firstSequence + 1);
  expect(erasedEvents(younger.userId)).toHaveLength(1);

  for (const { userId } of [restored, held, younger]) {
    const trail = await app.graphql(
      'query ($id: ID!) { auditTrail(userId: $id, first: 1) { nodes { action actor reason } } }',
      { id: userId },
      { token: auditor },
    );
    expect(trail.data.auditTrail.nodes).toEqual([
      { action: 'USER_ERASED', actor: 'command-line', reason: 'replayed from the ledger' },
    ]);
    expect(await app.sql('SELECT status, reason FROM erasures WHERE user_id = $1', [userId])).toEqual([
      { status: 'COMPLETED', reason: 'replayed from the ledger' },
    ]);
  }
  // The first erasure counts, not that of the replay.
  const erasedAt = first?.event.data.erasedAt;
  expect(await app.sql('SELECT erased_at FROM erased_users WHERE user_id = $1', [restored.userId])).toEqual([
    { erased_at: new Date(erasedAt) },
  ]);

  const late = pointsEarned(younger.userId, { reason: younger.text });
  await others.publish(late);
  await eventually(async () =>
    expect(
      await app.sql('SELECT 1 FROM erased_events WHERE event_id = $1', [late.properties.messageId]),
    ).toHaveLength(1),
  );
  expect(await findInSinks(app, [younger.text])).toEqual([]);

  expect(await replay()).toEqual({ erasedAgain: 0, recorded: 0, alreadyErased: 4, held: 0 });
  // The replay's UserErased events are in the ledger, too.
  await eventually(async () => expect(await readLedger()).toMatchObject({ read: 6, unreadable: 0 }));
}, 60_000);

it('a replay skips users who were placed under a hold after the backup was restored', async () => {
  const { userId, text } = await createCanary();
  await hold('placeLegalHold', userId);
  const entries = [{ userId, erasedAt: new Date(Date.now() - 60_000), sequence: 0 }];
  expect(await replay({ entries })).toEqual({ erasedAgain: 0, recorded: 0, alreadyErased: 0, held: 1 });
  expect(await emailOf(text)).toEqual({ id: userId });
});

it('a replay erases a user whose hold was placed at the instant of the erasure', async () => {
  const { userId } = await createCanary();
  await hold('placeLegalHold', userId);
  const atHold = [{ userId, erasedAt: new Date('2026-03-01T10:00:00Z'), sequence: 0 }];
  await app.sql('UPDATE legal_holds SET placed_at = $2 WHERE user_id = $1', [userId, atHold[0]?.erasedAt]);
  for (const dryRun of [true, false])
    expect(await replay({ entries: atHold, dryRun })).toMatchObject({ erasedAgain: 1, held: 0 });
});

describe.each(['createUser', 'import'])(
  'a user that %s creates while a replay records the id as erased',
  (by) => {
    it.each([
      { first: 'users', outcomes: ['created', { erasedAgain: 1, recorded: 0 }] },
      { first: 'erased_users', outcomes: ['taken', { erasedAgain: 0, recorded: 1 }] },
    ])('is erased or not created if $first is committed first', async ({ first, outcomes }) => {
      const userId = randomUUID();
      const gate = new Client({ connectionString: app.databaseUrl });
      await gate.connect();
      const untilWaiting = (transactions: number) =>
        eventually(async () =>
          expect(
            await app.sql(`SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
            AND wait_event_type = 'Lock' AND wait_event = 'advisory'`),
          ).toHaveLength(transactions),
        );
      const create = async () => {
        if (by === 'createUser') {
          const { __typename } = await mutate(app, 'createUser', buildUser({ userId }));
          return __typename === 'CreateUserSuccess' ? 'created' : 'taken';
        }
        const database = openDatabase(app.databaseUrl, createLogger({ level: 'silent' }), 2);
        await database.connect();
        const { userImport } = createReplicaServices(database, createMetrics());
        const [imported] = await userImport.import(caller, [buildUser({ userId })]);
        await database.close();
        return imported?.outcome === 'created' ? 'created' : 'taken';
      };
      const record = () => replay({ entries: [{ userId, erasedAt: new Date(), sequence: 1 }] });
      await app.sql(`CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql SET lock_timeout TO 0 AS $$
      BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$`);
      await app.sql(`CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON ${first}
      INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()`);
      try {
        await gate.query('SELECT pg_advisory_lock(4711)');
        const [creating, recording] =
          first === 'users'
            ? [create(), untilWaiting(1).then(record)]
            : [untilWaiting(1).then(create), record()];
        const both = Promise.all([creating, recording]);
        await Promise.race([untilWaiting(2), first === 'users' ? recording : creating]);
        await gate.end();
        expect(await both).toMatchObject(outcomes);
      } finally {
        await app.sql('DROP FUNCTION wait_at_commit CASCADE');
      }
      expect(await app.sql('SELECT 1 FROM users WHERE id = $1', [userId])).toEqual([]);
    });
  },
);
