import { v7 as uuidv7 } from 'uuid';
import { openDatabase } from '../../src/data-source';
import { createLogger } from '../../src/telemetry/logger';
import { startTestApp, type TestApp } from '../testkit/app';
import { type CommandLine, openCommandLine } from '../testkit/command';
import { eventually } from '../testkit/eventually';
import { createRetention } from '../testkit/retention';
import { createUser, mutate } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

let commands: CommandLine;
let app: TestApp;
let witness: Witness;
beforeAll(async () => {
  commands = openCommandLine();
  app = await startTestApp();
  witness = await startWitness(`${app.amqpPrefix}user.events`);
});
afterAll(async () => {
  await witness.close();
  await app.stop();
  await commands.close();
});

const republish = (...args: string[]) =>
  commands.run(['republish', ...args], { DATABASE_URL: app.databaseUrl });
const ids = (userId: string) => witness.of(userId).map(({ messageId }) => messageId);

describe('republish', () => {
  it('publishes the events of a user again with the same ids, in order', async () => {
    const [{ id }, { id: other }] = [await createUser(app), await createUser(app)];
    await mutate(app, 'updateUser', { userId: id, displayName: 'Countess' });
    await mutate(app, 'deactivateUser', { userId: id });
    await eventually(() => expect(ids(id)).toHaveLength(3));
    await eventually(async () =>
      expect(await app.sql('SELECT 1 FROM outbox_events WHERE published_at IS NULL')).toEqual([]),
    );
    const first = ids(id);

    const since = new Date(Date.now() - 3_600_000).toISOString();
    expect(await republish('--since', since, '--user', id)).toMatchObject({
      code: 0,
      stdout: '3 to be published again\n',
    });
    await eventually(() => expect(ids(id)).toEqual([...first, ...first]));
    expect(ids(other)).toHaveLength(1);

    const later = new Date(Date.now() + 3_600_000).toISOString();
    expect(await republish('--since', later, '--json')).toMatchObject({ code: 0, stdout: '{"events":0}\n' });
    expect(await republish('--since', since)).toMatchObject({ stdout: '4 to be published again\n' });
    await eventually(() => expect(ids(other)).toHaveLength(2));
    expect(await republish('--since', 'yesterday')).toMatchObject({ code: 2, stdout: '' });
  });

  it('takes events at the given time and later ones', async () => {
    const { id } = await createUser(app);
    await mutate(app, 'updateUser', { userId: id, displayName: 'Countess' });
    await eventually(async () =>
      expect(await app.sql('SELECT 1 FROM outbox_events WHERE published_at IS NULL')).toEqual([]),
    );
    const [created, updated] = await app.sql<{ at: Date }>(
      `SELECT occurred_at AS at FROM outbox_events
       WHERE user_id = $1 AND type IN ('UserCreated', 'UserUpdated') ORDER BY version`,
      [id],
    );
    const count = async (at: Date | undefined, plusMs: number) => {
      const since = new Date((at?.getTime() ?? 0) + plusMs).toISOString();
      return (await republish('--since', since, '--user', id)).stdout;
    };
    expect(await count(updated?.at, 1)).toBe('0 to be published again\n');
    expect(await count(updated?.at, 0)).toBe('1 to be published again\n');
    await eventually(() => expect(ids(id)).toHaveLength(3));
    expect(await count(created?.at, 0)).toBe('2 to be published again\n');
    await eventually(() => expect(ids(id)).toHaveLength(5));
  });

  it('leaves out messages with a secret, which is not stored once the message is published', async () => {
    const { id } = await createUser(app);
    const since = new Date(Date.now() - 3_600_000).toISOString();
    await mutate(app, 'requestEmailVerification', { userId: id });
    await eventually(() => expect(ids(id)).toHaveLength(2));
    const { data } = witness.of(id)[1]?.event ?? {};
    await eventually(async () =>
      expect(
        await app.sql(
          `SELECT data FROM outbox_events
           WHERE user_id = $1 AND type = 'UserEmailVerificationRequested' AND published_at IS NOT NULL`,
          [id],
        ),
      ).toEqual([{ data: { userId: id, email: data.email, expiresAt: data.expiresAt } }]),
    );
    expect(await republish('--since', since, '--user', id)).toMatchObject({
      stdout: '1 to be published again\n',
    });
    await eventually(() => expect(ids(id)).toHaveLength(3));
    expect(await mutate(app, 'confirmEmail', { token: data.token })).toMatchObject({
      user: { emailVerification: { status: 'VERIFIED' } },
    });
  });

  it('publishes 700 events of one user in order', async () => {
    const userId = uuidv7();
    await app.sql(
      `INSERT INTO outbox_events (id, user_id, version, type, data, occurred_at, lane, published_at)
       SELECT gen_random_uuid(), $1, n, 'UserUpdated', '{}', now(), 0, now() FROM generate_series(1, 700) AS n`,
      [userId],
    );
    const since = new Date(Date.now() - 3_600_000).toISOString();
    expect(await republish('--since', since, '--user', userId)).toMatchObject({
      code: 0,
      stdout: '700 to be published again\n',
    });
    await eventually(() => expect(ids(userId)).toHaveLength(700), { timeoutMs: 15_000 });
    const sequences = witness.of(userId).map(({ event }) => Number(event.sequence));
    expect(sequences).toEqual(Array.from({ length: 700 }, (_, at) => at + 1));
  });

  it('finds no events older than the retention, which deletes them', async () => {
    const database = openDatabase(app.databaseUrl, createLogger({ level: 'silent' }), 1);
    await database.connect();
    try {
      const { id } = await createUser(app);
      await eventually(() => expect(ids(id)).toHaveLength(1));
      await app.sql(
        `INSERT INTO outbox_events (id, user_id, version, type, data, occurred_at, lane, published_at)
         SELECT gen_random_uuid(), gen_random_uuid(), 1, 'UserUpdated', '{}', now() - interval '40 days', 99,
           now() - age FROM unnest(ARRAY['31 days', '31 days', '29 days', NULL]::interval[]) AS age, generate_series(1, 300)`,
      );
      const retention = createRetention(database, { OUTBOX_RETENTION_DAYS: 30 });
      expect(await retention.run()).toMatchObject({ outboxEvents: 600 });
      expect(await app.sql('SELECT count(*)::int AS n FROM outbox_events WHERE lane = 99')).toEqual([
        { n: 600 },
      ]);
    } finally {
      await database.close();
    }
  });
});
