import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { UserActivityRepository } from '../../src/activity/user-activity.repository';
import { openDatabase } from '../../src/data-source';
import { createIntake } from '../../src/intake';
import type { Database } from '../../src/postgres/database';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { startTestApp, type TestApp } from '../testkit/app';
import { type CommandLine, openCommandLine } from '../testkit/command';
import {
  type ForeignService,
  foreignEvent,
  pointsEarned,
  signedIn,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { createUser, mutate } from '../testkit/users';

let commands: CommandLine;
let app: TestApp;
let others: ForeignService;
let database: Database;
let officer: string;
let userId: string;
beforeAll(async () => {
  commands = openCommandLine();
  app = await startTestApp();
  others = await startForeignService(app);
  database = openDatabase(app.databaseUrl, createLogger({ level: 'silent' }), 4);
  await database.connect();
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
});
afterAll(async () => {
  await others.close();
  await database.close();
  await app.stop();
  await commands.close();
});
beforeEach(async () => {
  ({ id: userId } = await createUser(app));
  await app.sql('DELETE FROM parked_messages');
});

const read = async (id = userId): Promise<any> => {
  const query = 'query ($id: ID!) { user(id: $id) { lastSeenAt version updatedAt } }';
  const { data } = await app.graphql(query, { id }, { token: app.staff });
  return data.user;
};
const waitsForRemoval = `SELECT 1 FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO user_activity%'`;
const seenAt = (at: string) => eventually(async () => expect((await read()).lastSeenAt).toBe(at));

describe('a sign-in', () => {
  it.each([
    ['UserAuthenticated', { userId: true }, 'authenticatedAt'],
    ['UserAuthenticated', { customerId: true }, 'occurredAt'],
    ['CustomerAuthenticated', { customerId: true }, 'timestamp'],
    ['CustomerAuthenticated', { userId: true }, null],
  ] as const)('by %s with %j and %s moves lastSeenAt and changes nothing else', async (type, names, at) => {
    const before = await read();
    const data = { [Object.keys(names)[0] as string]: userId, ...(at && { [at]: '2026-03-01T10:00:00Z' }) };
    const rows = () => app.sql('SELECT xmin, revision FROM users WHERE id = $1', [userId]);
    const stored = await rows();
    await others.publish(foreignEvent(type, data, at ? {} : { time: '2026-03-01T10:00:00Z' }));
    await seenAt('2026-03-01T10:00:00.000Z');
    expect(await read()).toEqual({ ...before, lastSeenAt: '2026-03-01T10:00:00.000Z' });
    expect(await rows()).toEqual(stored);
    expect(await app.sql('SELECT 1 FROM user_history WHERE user_id = $1', [userId])).toHaveLength(1);
  });

  it('never moves lastSeenAt back, in one batch and in later ones', async () => {
    const [early, late] = ['2026-03-01T10:00:00Z', '2026-03-01T12:00:00.500Z'];
    await others.publish(signedIn(userId, late), signedIn(userId, early), signedIn(userId, late));
    await seenAt(late);
    await others.publish(signedIn(userId, early), pointsEarned(userId));
    await eventually(async () =>
      expect(await app.sql('SELECT 1 FROM user_history WHERE user_id = $1', [userId])).toHaveLength(2),
    );
    await seenAt(late);
  });

  it('moves lastSeenAt to the latest time of a batch, in whatever order the times are', async () => {
    const { id: otherId } = await createUser(app);
    const times = ['2026-03-01T11:00:00Z', '2026-03-01T12:00:00.500Z', '2026-03-01T10:00:00Z'];
    await new UserActivityRepository(database).recordSignIns([
      ...times.map((at) => ({ userId, at: new Date(at) })),
      ...times.toReversed().map((at) => ({ userId: otherId, at: new Date(at) })),
    ]);
    for (const id of [userId, otherId])
      expect(await read(id)).toMatchObject({ lastSeenAt: '2026-03-01T12:00:00.500Z' });
  });

  it('is counted once it is recorded', async () => {
    const metrics = createMetrics();
    const { consumer } = createIntake({
      database,
      metrics,
      log: createLogger({ level: 'silent' }),
      waitingDays: 30,
    });
    const { exchange, routingKey, body, properties } = signedIn(userId, '2026-03-01T10:00:00Z');
    const { messageId, type, contentType } = properties;
    const delivery = { exchange, routingKey, queue: 'any', body, redelivered: false, deliveryCount: 0 };
    const consume = () =>
      consumer.consume([{ ...delivery, properties: { messageId, type, contentType, headers: {} } }]);
    await app.sql('ALTER TABLE user_activity RENAME TO hidden_activity');
    const failure = await consume().catch(String);
    await app.sql('ALTER TABLE hidden_activity RENAME TO user_activity');
    expect(failure).toContain('user_activity');
    await consume();
    const { values } = await metrics.eventsFolded.get();
    expect(values.filter(({ labels }) => labels.type === 'UserAuthenticated')).toEqual([
      expect.objectContaining({ labels: { type: 'UserAuthenticated', result: 'folded' }, value: 1 }),
    ]);
  });

  it('moves lastSeenAt of a deactivated account', async () => {
    await mutate(app, 'deactivateUser', { userId });
    await others.publish(signedIn(userId, '2026-03-01T10:00:00Z'));
    await eventually(async () => expect((await read()).lastSeenAt).toBe('2026-03-01T10:00:00.000Z'));
  });

  it('leaves nothing of unknown and erased users and does not wait', async () => {
    const { id: erased } = await createUser(app);
    await mutate(app, 'eraseUser', { userId: erased }, officer);
    const [unknown, at] = [uuidv7(), '2026-03-01T10:00:00Z'];
    await others.publish(signedIn(unknown, at), signedIn(erased, at), signedIn(userId, at));
    await seenAt('2026-03-01T10:00:00.000Z');
    expect(await app.sql('SELECT 1 FROM waiting_events')).toEqual([]);
    expect(await app.sql('SELECT 1 FROM parked_messages')).toEqual([]);
    const left = 'SELECT 1 FROM user_activity WHERE user_id = ANY($1::uuid[])';
    expect(await app.sql(left, [[unknown, erased]])).toEqual([]);
    await createUser(app, { userId: unknown });
    expect((await read(unknown)).lastSeenAt).toBeNull();
  });

  it('leaves nothing of users who are erased at the same time', async () => {
    const users = await Promise.all(Array.from({ length: 12 }, () => createUser(app)));
    const signIns = users.map(({ id }) => ({ userId: id, at: new Date() }));
    const activity = new UserActivityRepository(database);
    let isErasing = true;
    const signingIn = Array.from({ length: 3 }, async () => {
      while (isErasing) await activity.recordSignIns(signIns);
    });
    await Promise.all(users.map(({ id }) => mutate(app, 'eraseUser', { userId: id }, officer)));
    isErasing = false;
    await Promise.all(signingIn);
    const ids = users.map(({ id }) => id);
    expect(await app.sql('SELECT 1 FROM user_activity WHERE user_id = ANY($1::uuid[])', [ids])).toEqual([]);
  });

  it('waits for the removal of users, one after the other', async () => {
    const users = await Promise.all(Array.from({ length: 5 }, () => createUser(app)));
    const ids = users.map(({ id }) => id).sort((one, other) => one.localeCompare(other));
    const removals = ids.map(async (id) => {
      const client = new Client({ connectionString: app.databaseUrl });
      await client.connect();
      await client.query('BEGIN');
      await client.query('DELETE FROM users WHERE id = $1', [id]);
      return client;
    });
    const clients = await Promise.all(removals);
    const recording = new UserActivityRepository(database).recordSignIns(
      ids.map((id) => ({ userId: id, at: new Date() })),
    );
    for (const client of clients) {
      await eventually(async () => expect(await app.sql(waitsForRemoval)).toHaveLength(1));
      await client.query('COMMIT');
      await client.end();
    }
    await recording;
    expect(await app.sql('SELECT 1 FROM user_activity WHERE user_id = ANY($1::uuid[])', [ids])).toEqual([]);
  });

  it('is parked more than five minutes ahead, and folded when it is replayed later', async () => {
    const ahead = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
    const near = ahead(4);
    await others.publish(signedIn(userId, near), signedIn(userId, ahead(6)));
    await seenAt(near);
    await eventually(async () =>
      expect(await app.sql('SELECT reason, type, user_id FROM parked_messages')).toEqual([
        { reason: 'INVALID_TIME', type: 'UserAuthenticated', user_id: userId },
      ]),
    );
    const replay = () => commands.run(['parked', 'replay', '--all'], { DATABASE_URL: app.databaseUrl });
    expect(await replay()).toMatchObject({ code: 1, stdout: expect.stringContaining('1 still parked') });
    await app.sql(
      `UPDATE parked_messages SET body = convert_to(regexp_replace(convert_from(body, 'UTF8'),
         '"authenticatedAt":"[^"]*"', '"authenticatedAt":"2126-03-01T10:00:00Z"'), 'UTF8')`,
    );
    expect(await replay()).toMatchObject({ code: 1 });
    await app.sql(
      `UPDATE parked_messages SET body = convert_to(replace(convert_from(body, 'UTF8'), '2126', '2026'), 'UTF8')`,
    );
    expect(await replay()).toMatchObject({ code: 0, stdout: expect.stringContaining('1 replayed') });
    await seenAt(near);
    expect(await app.sql('SELECT 1 FROM parked_messages')).toEqual([]);
  });

  it.each([
    ['WRONG_EXCHANGE', { exchange: 'order.events', routingKey: 'order.placed' }],
    [
      'INVALID_USER_ID',
      {
        body: Buffer.from(
          '{"specversion":"1.0","id":"1","source":"/a","type":"UserAuthenticated","data":{}}',
        ),
      },
    ],
  ])('is parked as %s', async (reason, change) => {
    await others.publish({ ...signedIn(userId, '2026-03-01T10:00:00Z'), ...change });
    await eventually(async () =>
      expect(await app.sql('SELECT reason FROM parked_messages')).toEqual([{ reason }]),
    );
    expect((await read()).lastSeenAt).toBeNull();
  });
});
