import { openDatabase } from '../../src/data-source';
import type { Database } from '../../src/postgres/database';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { startTestApp, type TestApp } from '../testkit/app';
import { auditTrailOf } from '../testkit/audit';
import { type CommandLine, openCommandLine } from '../testkit/command';
import { eventually } from '../testkit/eventually';
import { createReplicaServices, createRetention } from '../testkit/retention';
import { createUser, mutate, tryMutation } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

const dayMs = 86_400_000;
let commands: CommandLine;
let app: TestApp;
let replica: TestApp;
let database: Database;
let witness: Witness;
let officer: string;
let userId: string;
let own: string;
beforeAll(async () => {
  commands = openCommandLine();
  app = await startTestApp({ config: { erasureGraceDays: 7 } });
  replica = await startTestApp({ replicaOf: app });
  witness = await startWitness(`${app.amqpPrefix}user.events`);
  database = openDatabase(app.databaseUrl, createLogger({ level: 'silent' }), 1);
  await database.connect();
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
});
afterAll(async () => {
  await database.close();
  await witness.close();
  await replica.stop();
  await app.stop();
  await commands.close();
});
beforeEach(async () => {
  ({ id: userId } = await createUser(app));
  own = await app.token({ sub: userId, authTime: new Date() });
});

const erase = (input: Record<string, unknown> = {}, token = officer) =>
  mutate(app, 'eraseUser', { userId, ...input }, token);
const cancel = (token = own) => mutate(app, 'cancelErasure', { userId }, token);
const read = async (): Promise<any> => {
  const query = 'query ($id: ID!) { user(id: $id) { status statusReason version erasureScheduledFor } }';
  return (await app.graphql(query, { id: userId }, { token: app.staff })).data.user;
};
const erasure = async (id: string): Promise<any> => {
  const query = 'query ($id: ID!) { erasure(id: $id) { id status requestedAt scheduledFor completedAt } }';
  return (await app.graphql(query, { id }, { token: officer })).data.erasure;
};
const makeDue = () =>
  app.sql(`UPDATE erasures SET scheduled_for = now() WHERE user_id = $1 AND status = 'SCHEDULED'`, [userId]);
const isErased = async () => (await read()) === null;
const published = () => witness.of(userId).map(({ routingKey }) => routingKey);
const daysFromNow = (time: string) => Math.round((Date.parse(time) - Date.now()) / dayMs);

describe('a scheduled erasure', () => {
  it('of a person deactivates the account, starts when it is due, and is completed once by two replicas', async () => {
    const result = await erase({}, own);
    expect(result).toMatchObject({
      __typename: 'EraseUserSuccess',
      erasure: { userId, status: 'SCHEDULED', completedAt: null, effects: [] },
    });
    const { id, scheduledFor, requestedAt } = result.erasure;
    expect(daysFromNow(scheduledFor)).toBe(7);
    expect(await read()).toEqual({
      status: 'DEACTIVATED',
      statusReason: 'USER_REQUESTED',
      version: 2,
      erasureScheduledFor: scheduledFor,
    });
    await eventually(() =>
      expect(published()).toEqual(['user.created', 'user.deactivated', 'user.erasure-scheduled']),
    );
    const [, , scheduled] = witness.of(userId);
    expect(scheduled?.event.sequence).toBeUndefined();
    expect(scheduled?.event.data).toEqual({ userId, scheduledFor });

    await makeDue();
    await eventually(async () =>
      expect(await erasure(id)).toMatchObject({ status: 'COMPLETED', requestedAt }),
    );
    expect(await isErased()).toBe(true);
    expect(await app.sql('SELECT 1 FROM erasures WHERE user_id = $1', [userId])).toHaveLength(1);
    await eventually(() => expect(published().slice(3)).toEqual(['user.erased']));
    const trail = await auditTrailOf(app, userId);
    expect(
      trail.filter(({ action }) => action.startsWith('ERASURE_') || action === 'USER_ERASED'),
    ).toMatchObject([
      { action: 'ERASURE_SCHEDULED', actor: userId, reason: 'USER_REQUESTED' },
      { action: 'USER_ERASED', actor: userId, reason: 'USER_REQUESTED' },
    ]);
  });

  it.each([
    ['the person', 'ACTIVE'],
    ['staff', 'ACTIVE'],
    ['the person', 'DEACTIVATED'],
  ])('is cancelled by %s, and an %s account is as before', async (who, status) => {
    if (status === 'DEACTIVATED') await mutate(app, 'deactivateUser', { userId });
    const before = await read();
    const { erasure: scheduled } = await erase({ graceDays: 30 });
    expect(daysFromNow(scheduled.scheduledFor)).toBe(30);
    const result = await cancel(who === 'staff' ? officer : own);
    expect(result).toMatchObject({
      __typename: 'CancelErasureSuccess',
      erasure: { id: scheduled.id, status: 'CANCELLED', scheduledFor: scheduled.scheduledFor },
    });
    const { version, ...after } = await read();
    expect({ ...after, version: before.version }).toEqual(before);
    expect(version - before.version).toBe(status === 'ACTIVE' ? 2 : 0);
    expect(await erasure(scheduled.id)).toMatchObject({ status: 'CANCELLED', completedAt: null });
    await eventually(() => expect(published()).toContain('user.erasure-cancelled'));
    expect(await cancel()).toMatchObject({ __typename: 'ErasureNotScheduledError' });
    const { erasure: another } = await erase({ graceDays: 1 });
    expect(another.id).not.toBe(scheduled.id);
  });

  it('of an account frozen since is cancelled only by staff, and the account stays deactivated', async () => {
    const { erasure: scheduled } = await erase({}, own);
    await mutate(app, 'deactivateUser', { userId, reason: 'SECURITY_VIOLATION' });
    const frozen = await read();
    expect(frozen).toMatchObject({
      statusReason: 'SECURITY_VIOLATION',
      version: 3,
      erasureScheduledFor: scheduled.scheduledFor,
    });
    const { errors } = await tryMutation(app, 'cancelErasure', { userId }, own);
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    expect(await read()).toEqual(frozen);
    expect(await cancel(officer)).toMatchObject({ erasure: { id: scheduled.id, status: 'CANCELLED' } });
    expect(await read()).toEqual({ ...frozen, erasureScheduledFor: null });
    await eventually(() =>
      expect(published().slice(3)).toEqual(['user.deactivated', 'user.erasure-cancelled']),
    );
  });

  it('is cancelled by reactivateUser', async () => {
    const { erasure: scheduled } = await erase({ graceDays: 30 });
    await mutate(app, 'reactivateUser', { userId });
    expect(await erasure(scheduled.id)).toMatchObject({ status: 'CANCELLED' });
    expect(await read()).toMatchObject({ status: 'ACTIVE', version: 3, erasureScheduledFor: null });
    await eventually(() =>
      expect(published().slice(3)).toEqual(['user.reactivated', 'user.erasure-cancelled']),
    );
  });

  it('is returned by another eraseUser, and started by graceDays 0 of staff', async () => {
    const { erasure: scheduled } = await erase({}, own);
    for (const again of [await erase({}, own), await erase(), await erase({ graceDays: 90 })])
      expect(again.erasure).toEqual(scheduled);
    expect((await erase({ dryRun: true })).erasure).toMatchObject({
      status: 'PLANNED',
      scheduledFor: scheduled.scheduledFor,
    });
    const { erasure: started } = await erase({ graceDays: 0 });
    expect(started).toMatchObject({ id: scheduled.id, status: expect.stringMatching(/RUNNING|COMPLETED/) });
    expect(await isErased()).toBe(true);
    expect(await cancel(officer)).toMatchObject({ __typename: 'UserNotFoundError' });
  });

  it('is scheduled once by parallel calls', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => erase({ graceDays: 3 })));
    expect(new Set(results.map((it) => it.erasure.id)).size).toBe(1);
    expect(await read()).toMatchObject({ status: 'DEACTIVATED', version: 2 });
  });

  it('waits for the release of a legal hold', async () => {
    const { erasure: scheduled } = await erase({ graceDays: 3 });
    await mutate(app, 'placeLegalHold', { userId, reason: 'a dispute' }, officer);
    await makeDue();
    expect(await erase({ graceDays: 0 })).toMatchObject({ __typename: 'LegalHoldError' });
    const { id: other } = await createUser(app);
    await mutate(app, 'eraseUser', { userId: other, graceDays: 1 }, officer);
    await app.sql('UPDATE erasures SET scheduled_for = now() WHERE user_id = $1', [other]);
    // Another erasure that became due later was started, so the loop has passed the held one.
    await eventually(async () =>
      expect(await app.sql('SELECT 1 FROM users WHERE id = $1', [other])).toEqual([]),
    );
    expect(await erasure(scheduled.id)).toMatchObject({ status: 'SCHEDULED' });
    await mutate(app, 'releaseLegalHold', { userId, reason: 'settled' }, officer);
    await eventually(async () => expect(await erasure(scheduled.id)).toMatchObject({ status: 'COMPLETED' }));
  });

  it('does not start under a legal hold that was placed after it was found due', async () => {
    const { erasure: scheduled } = await erase({ graceDays: 3 });
    await mutate(app, 'placeLegalHold', { userId, reason: 'a dispute' }, officer);
    await makeDue();
    const { scheduledErasures } = createReplicaServices(database, createMetrics());
    await scheduledErasures.start(scheduled.id);
    expect(await erasure(scheduled.id)).toMatchObject({ status: 'SCHEDULED' });
    expect(await read()).toMatchObject({ status: 'DEACTIVATED' });
    await app.sql('DELETE FROM legal_holds WHERE user_id = $1', [userId]);
    await scheduledErasures.start(scheduled.id);
    await eventually(async () => expect(await isErased()).toBe(true));
  });

  it('is not started earlier by retention', async () => {
    await erase({ graceDays: 30 });
    await app.sql(`UPDATE users SET status_changed_at = now() - interval '20 days' WHERE id = $1`, [userId]);
    const retention = createRetention(database, { RETENTION_DEACTIVATED_DAYS: 10 });
    await retention.run();
    expect(await read()).toMatchObject({ status: 'DEACTIVATED' });
    await cancel();
  });

  it('is exported with the data of the person', async () => {
    const { erasure: scheduled } = await erase({}, own);
    const result = await mutate(app, 'exportUserData', { userId }, officer);
    expect(result.export.document.scheduledErasures).toEqual([{ scheduledFor: scheduled.scheduledFor }]);
  });

  it('needs a recent sign-in of the person', async () => {
    const old = await app.token({ sub: userId, authTime: new Date(Date.now() - 11 * 60_000) });
    const { errors } = await tryMutation(app, 'eraseUser', { userId }, old);
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', reason: 'RECENT_SIGN_IN_REQUIRED' } }]);
    expect(await read()).toMatchObject({ status: 'ACTIVE', erasureScheduledFor: null });
  });

  it.each([
    ['-1', -1, false],
    ['91', 91, false],
    ['one of the person', 3, true],
    ['0 of the person', 0, true],
  ])('refuses graceDays %s', async (_what, graceDays, isOwn) => {
    for (const dryRun of [true, false])
      expect(await erase({ graceDays, dryRun }, isOwn ? own : officer)).toMatchObject({
        __typename: 'InvalidInputError',
        fields: [{ path: 'graceDays' }],
      });
    expect(await read()).toMatchObject({ status: 'ACTIVE', version: 1 });
  });

  it('is scheduled by the command line with days, and started by it without', async () => {
    const env = { DATABASE_URL: app.databaseUrl, REDIS_URL: '' };
    const scheduled = await commands.run(['erase', userId, '--grace-days', '5', '--json'], env);
    expect(JSON.parse(scheduled.stdout)).toMatchObject({ status: 'SCHEDULED', userId });
    expect(await commands.run(['erase', userId], env)).toMatchObject({ code: 0 });
    expect(await app.sql('SELECT status FROM erasures WHERE user_id = $1', [userId])).toEqual([
      { status: 'COMPLETED' },
    ]);
  });
});
