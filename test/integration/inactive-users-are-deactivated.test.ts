import { openDatabase } from '../../src/data-source';
import type { Database } from '../../src/postgres/database';
import { type InactivityRule, isToDeactivate, removeWarning } from '../../src/privacy/inactive-users';
import { Inactivity } from '../../src/privacy/inactivity';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { startTestApp, type TestApp } from '../testkit/app';
import { auditTrailOf } from '../testkit/audit';
import { type CommandLine, openCommandLine } from '../testkit/command';
import {
  type ForeignService,
  orderPlaced,
  pointsEarned,
  signedIn,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { type Mailbox, openMailbox } from '../testkit/mailbox';
import { createReplicaServices, createRetention } from '../testkit/retention';
import { createUser, mutate } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

const rule: InactivityRule = { days: 100, warningDays: 30, countsFromCommit: false };
let commands: CommandLine;
let app: TestApp;
let others: ForeignService;
let witness: Witness;
let mailbox: Mailbox;
let database: Database;
let officer: string;
let userId: string;
beforeAll(async () => {
  commands = openCommandLine();
  app = await startTestApp();
  others = await startForeignService(app);
  witness = await startWitness(`${app.amqpPrefix}user.events`);
  mailbox = await openMailbox(app);
  database = openDatabase(app.databaseUrl, createLogger({ level: 'silent' }), 4);
  await database.connect();
  officer = await app.token({ sub: 'officer', scope: 'users:privacy users:audit' });
});
afterAll(async () => {
  await others.close();
  await witness.close();
  await mailbox.close();
  await database.close();
  await app.stop();
  await commands.close();
});
beforeEach(async () => {
  ({ id: userId } = await createUser(app));
});
afterEach(() => app.sql(`UPDATE users SET created_at = now() WHERE status = 'ACTIVE'`));

const retention = (inactivity: InactivityRule = rule) => createRetention(database, {}, { inactivity });
const age = (days: number) =>
  app.sql('UPDATE users SET created_at = now() - make_interval(days => $2) WHERE id = $1', [userId, days]);
/** Makes the warning this many days older. */
const ageWarning = (days: number) =>
  app.sql(
    `UPDATE inactivity_warnings SET warned_at = warned_at - make_interval(days => $2),
       published_at = published_at - make_interval(days => $2) WHERE user_id = $1`,
    [userId, days],
  );
const warnings = () => witness.of(userId).filter(({ routingKey }) => routingKey === 'user.inactivity-warned');
const user = async (): Promise<any> => {
  const query = 'query ($id: ID!) { user(id: $id) { status statusReason version lastSeenAt } }';
  return (await app.graphql(query, { id: userId }, { token: app.staff })).data.user;
};
/** Waits until the warning is published and retention has copied the time. */
const copyPublication = (by = rule) =>
  eventually(async () => {
    await retention(by).run();
    const copied = 'SELECT 1 FROM inactivity_warnings WHERE user_id = $1 AND published_at IS NOT NULL';
    expect(await app.sql(copied, [userId])).toHaveLength(1);
  });
async function confirmEmail(bearer: string | null): Promise<void> {
  await mutate(app, 'requestEmailVerification', { userId });
  const { token } = await mailbox.last(userId);
  await mutate(app, 'confirmEmail', { token }, bearer);
}
/** Warns the user, who was created this many days ago. */
async function warn(days = 101, by = rule): Promise<void> {
  await age(days);
  expect(await retention(by).run()).toMatchObject({ inactivityWarnings: 1, inactiveUsers: 0 });
  await copyPublication(by);
}

describe('a user who is inactive', () => {
  it('is warned once and deactivated once by several replicas, after the days of warning', async () => {
    await age(99);
    expect(await retention().plan()).toMatchObject({ inactivityWarnings: 0, inactiveUsers: 0 });
    await age(101);
    expect(await retention().plan()).toMatchObject({ inactivityWarnings: 1, inactiveUsers: 0 });
    expect(await app.sql('SELECT 1 FROM inactivity_warnings')).toEqual([]);
    const together = async () => {
      const outcomes = await Promise.all(Array.from({ length: 3 }, () => retention().run()));
      return outcomes.map(
        ({ inactivityWarnings = 0, inactiveUsers = 0 }) => inactivityWarnings + inactiveUsers,
      );
    };
    await together();
    await retention().run();
    await eventually(() => expect(warnings()).toHaveLength(1));
    const [warning] = warnings();
    expect(warning?.event.sequence).toBeUndefined();
    expect(warning?.event.data).toEqual({
      userId,
      lastActiveAt: expect.any(String),
      deactivatesAt: expect.any(String),
    });
    const { lastActiveAt, deactivatesAt } = warning?.event.data ?? {};
    const daysFromNow = (time: string) => Math.round((Date.parse(time) - Date.now()) / 86_400_000);
    expect([daysFromNow(lastActiveAt), daysFromNow(deactivatesAt)]).toEqual([-101, 30]);

    await copyPublication();
    await ageWarning(29);
    await together();
    expect(await user()).toMatchObject({ status: 'ACTIVE', version: 1 });
    await ageWarning(1);
    expect(await retention().plan()).toMatchObject({ inactivityWarnings: 0, inactiveUsers: 1 });
    await together();
    // Replicas that run together may all find the lock of the job taken.
    await retention().run();
    // Retention writes to a cache of its own; the relay repeats the write in that of the app.
    await eventually(async () =>
      expect(await user()).toMatchObject({ status: 'DEACTIVATED', statusReason: 'INACTIVITY', version: 2 }),
    );
    await eventually(() =>
      expect(witness.of(userId).map(({ routingKey }) => routingKey)).toEqual([
        'user.created',
        'user.inactivity-warned',
        'user.deactivated',
      ]),
    );
    expect(await auditTrailOf(app, userId)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          actor: 'retention',
          action: 'INACTIVITY_WARNED',
          reason: 'RETENTION_INACTIVE_DAYS',
        }),
        expect.objectContaining({ actor: 'retention', action: 'USER_DEACTIVATED', reason: 'INACTIVITY' }),
      ]),
    );
  });

  it('is deactivated only after the warning was published, with the catalog profile after its commit', async () => {
    await warn();
    await app.sql(
      `UPDATE inactivity_warnings SET warned_at = now() - interval '31 days',
         published_at = now() - interval '29 days' WHERE user_id = $1`,
      [userId],
    );
    expect(await retention().run()).toMatchObject({ inactiveUsers: 0 });
    expect(await retention({ ...rule, countsFromCommit: true }).plan()).toMatchObject({ inactiveUsers: 1 });
    // The event expired before the time of its publication was copied: the days begin again.
    await app.sql('UPDATE inactivity_warnings SET published_at = NULL WHERE user_id = $1', [userId]);
    await app.sql(`DELETE FROM outbox_events WHERE user_id = $1 AND type = 'UserInactivityWarned'`, [userId]);
    expect(await retention().run()).toMatchObject({ inactiveUsers: 0 });
    await ageWarning(30);
    expect(await retention().run()).toMatchObject({ inactiveUsers: 1 });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['signs in', () => others.publish(signedIn(userId, new Date().toISOString()), pointsEarned(userId))],
    [
      'orders',
      () => others.publish(orderPlaced(userId, { placedAt: new Date().toISOString() }), pointsEarned(userId)),
    ],
    [
      'changes the profile',
      async () =>
        mutate(app, 'updateUser', { userId, displayName: 'Back' }, await app.token({ sub: userId })),
    ],
    ['confirms the address without signing in', () => confirmEmail(null)],
    ['confirms the address in the session of staff', () => confirmEmail(app.staff)],
    [
      'tells staff the code that was sent to the phone',
      async () => {
        await mutate(app, 'updateUser', { userId, phoneNumber: '+4930901820' });
        await mutate(app, 'requestPhoneVerification', { userId });
        const { code } = await mailbox.last(userId, 'UserPhoneVerificationRequested');
        await mutate(app, 'confirmPhone', { userId, code });
      },
    ],
    [
      'is reactivated',
      async () => {
        await mutate(app, 'deactivateUser', { userId });
        await mutate(app, 'reactivateUser', { userId });
      },
    ],
  ])('stays active when the user %s after the warning', async (_what, act) => {
    await warn();
    await act();
    await ageWarning(30);
    await eventually(async () => expect(await retention().plan()).toMatchObject({ inactiveUsers: 0 }));
    expect(await retention().run()).toMatchObject({ inactivityWarnings: 0, inactiveUsers: 0 });
    expect(await user()).toMatchObject({ status: 'ACTIVE' });
    expect(await app.sql('SELECT 1 FROM inactivity_warnings WHERE user_id = $1', [userId])).toEqual([]);
  });

  it('is warned again after an activity, also if it is inactive by the end of the first warning', async () => {
    const impatient = { ...rule, days: 10 };
    await warn(101, impatient);
    await app.sql(`INSERT INTO user_activity VALUES ($1, now() - interval '11 days')`, [userId]);
    await ageWarning(30);
    expect(await retention(impatient).run()).toMatchObject({ inactivityWarnings: 1, inactiveUsers: 0 });
    await eventually(() => expect(warnings()).toHaveLength(2));
    expect(await user()).toMatchObject({ status: 'ACTIVE' });
  });

  it('has all days of a second warning that replaces the first before its end', async () => {
    const impatient = { ...rule, days: 10 };
    await warn(101, impatient);
    await app.sql(`INSERT INTO user_activity VALUES ($1, now() - interval '11 days')`, [userId]);
    await ageWarning(29);
    expect(await retention(impatient).run()).toMatchObject({ inactivityWarnings: 1, inactiveUsers: 0 });
    await copyPublication(impatient);
    // It was published long after it was stored, a day ago.
    const store = `UPDATE inactivity_warnings SET warned_at = warned_at - interval '30 days' WHERE user_id = $1`;
    await app.sql(store, [userId]);
    await ageWarning(1);
    expect(await retention(impatient).run()).toMatchObject({ inactivityWarnings: 0, inactiveUsers: 0 });
    await ageWarning(29);
    expect(await retention(impatient).run()).toMatchObject({ inactiveUsers: 1 });
  });

  it('is warned in spite of changes by staff and points', async () => {
    await others.publish(pointsEarned(userId));
    await mutate(app, 'updateUser', { userId, displayName: 'By staff' });
    await eventually(async () =>
      expect(await app.sql('SELECT 1 FROM user_history WHERE user_id = $1', [userId])).toHaveLength(3),
    );
    await warn();
  });

  it('is warned by the next run after another replica interrupted one', async () => {
    await age(101);
    const metrics = createMetrics();
    const services = createReplicaServices(database, metrics);
    const log = createLogger({ level: 'silent' });
    const inactivity = new Inactivity({ ...services, database, rule, metrics, log });
    const attempts: boolean[] = [];
    const run = (hasLock: boolean) =>
      inactivity.run((step) => {
        attempts.push(hasLock);
        return hasLock || attempts.length === 1 ? database.transaction(step) : Promise.resolve(null);
      });
    expect(await run(false)).toEqual({ inactivityWarnings: 0, inactiveUsers: 0 });
    expect(attempts).toHaveLength(2);
    expect(await run(true)).toEqual({ inactivityWarnings: 1, inactiveUsers: 0 });
    await app.sql('DELETE FROM inactivity_warnings');
    expect(await run(true)).toEqual({ inactivityWarnings: 0, inactiveUsers: 0 });
  });

  it('is neither warned nor deactivated under a legal hold', async () => {
    await mutate(app, 'placeLegalHold', { userId, reason: 'a dispute' }, officer);
    await age(101);
    expect(await retention().run()).toMatchObject({ inactivityWarnings: 0 });
    await mutate(app, 'releaseLegalHold', { userId, reason: 'settled' }, officer);
    await warn();
    await mutate(app, 'placeLegalHold', { userId, reason: 'a dispute' }, officer);
    await ageWarning(30);
    expect(await retention().run()).toMatchObject({ inactiveUsers: 0 });
    // As for a hold that is placed between the listing of due users and the lock of this one.
    await database.transaction(async (tx) => {
      expect(await isToDeactivate(tx.manager, rule, userId)).toBe(false);
      await removeWarning(tx, userId);
    });
    await mutate(app, 'releaseLegalHold', { userId, reason: 'settled' }, officer);
    expect(await retention().run()).toMatchObject({ inactiveUsers: 1 });
  });

  it('is counted by retention --dry-run and warned by retention', async () => {
    await age(101);
    const env = { DATABASE_URL: app.databaseUrl, RETENTION_INACTIVE_DAYS: '100' };
    const planned = await commands.run(['retention', '--dry-run', '--json'], env);
    expect(JSON.parse(planned.stdout)).toMatchObject({ inactivityWarnings: 1, inactiveUsers: 0 });
    const printed = await commands.run(['retention', '--dry-run'], env);
    expect(printed.stdout).toBe('1 user would be warned of inactivity\n');
    expect(await commands.run(['retention'], env)).toMatchObject({
      code: 0,
      stdout: '1 user warned of inactivity\n',
    });
    const without = await commands.run(['retention', '--dry-run', '--json'], {
      DATABASE_URL: app.databaseUrl,
    });
    expect(JSON.parse(without.stdout)).toMatchObject({ inactivityWarnings: 0, inactiveUsers: 0 });
  });
});
