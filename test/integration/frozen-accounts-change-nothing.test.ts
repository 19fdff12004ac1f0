import { Client } from 'pg';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { type Mailbox, openMailbox } from '../testkit/mailbox';
import { countRows } from '../testkit/stored-rows';
import { click, pathFor } from '../testkit/unsubscribe';
import { buildUser, createUser, mutate, tryMutation } from '../testkit/users';

let app: TestApp;
let mailbox: Mailbox;
let officer: string;
beforeAll(async () => {
  app = await startTestApp();
  mailbox = await openMailbox(app);
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
});
afterAll(async () => {
  await mailbox.close();
  await app.stop();
});

const freeze = (userId: string) =>
  mutate(app, 'deactivateUser', { userId, reason: 'SECURITY_VIOLATION', notes: 'credentials leaked' });
const tokenSentTo = async (userId: string) => {
  await mutate(app, 'requestEmailVerification', { userId });
  return (await mailbox.last(userId)).token as string;
};

describe('a user deactivated for a security violation', () => {
  it.each([
    ['updateUser', { firstName: 'Mallory' }],
    ['updateUser', { email: 'mallory@example.com' }],
    ['deactivateUser', { reason: 'USER_REQUESTED' }],
    ['reactivateUser', {}],
    ['updateEmailPreferences', { marketing: true }],
    ['requestEmailVerification', {}],
    ['requestPhoneVerification', {}],
    ['confirmPhone', { code: '123456' }],
    ['exportUserData', {}],
    ['eraseUser', {}],
    ['eraseUser', { dryRun: true }],
    ['cancelErasure', {}],
  ])('gets FORBIDDEN from %s with %j, with and without scopes', async (mutation, input) => {
    const { id } = await createUser(app);
    await freeze(id);
    const before = await countRows(app);
    for (const scope of ['', 'users:write users:privacy'])
      for (const userId of [id, id.toUpperCase()]) {
        const own = await app.token({ sub: id, scope });
        const { data, errors } = await tryMutation(app, mutation, { userId, ...input }, own);
        expect(errors).toMatchObject([{ path: [mutation], extensions: { code: 'FORBIDDEN' } }]);
        expect(data).toEqual({ [mutation]: null });
      }
    expect(await countRows(app)).toEqual(before);
  });

  it.each([{}, { dryRun: true }, { graceDays: 0 }])(
    'gets FORBIDDEN from eraseUser with %j that waits for the commit of the deactivation',
    async (input) => {
      const { id } = await createUser(app);
      const own = await app.token({ sub: id, scope: 'users:privacy', authTime: new Date() });
      const staff = new Client({ connectionString: app.databaseUrl });
      await staff.connect();
      await staff.query('BEGIN');
      const reason = { status: 'DEACTIVATED', status_reason: 'SECURITY_VIOLATION' };
      await staff.query(`UPDATE users SET status = $2, status_reason = $3 WHERE id = $1`, [
        id,
        ...Object.values(reason),
      ]);
      const erasing = tryMutation(app, 'eraseUser', { userId: id, ...input }, own);
      try {
        await eventually(async () =>
          expect(
            await app.sql(
              `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
            ),
          ).toHaveLength(1),
        );
        await staff.query('COMMIT');
      } finally {
        await staff.end();
      }
      expect((await erasing).errors).toMatchObject([
        { path: ['eraseUser'], extensions: { code: 'FORBIDDEN' } },
      ]);
      expect(await app.sql('SELECT status, status_reason FROM users WHERE id = $1', [id])).toEqual([reason]);
    },
  );

  it('cannot confirm an address, neither with nor without an access token', async () => {
    const { id } = await createUser(app);
    const token = await tokenSentTo(id);
    await freeze(id);
    const before = await countRows(app);
    for (const bearer of [
      null,
      await app.token({ sub: id }),
      await app.token({ sub: 'x', scope: 'users:read' }),
    ]) {
      const { errors } = await tryMutation(app, 'confirmEmail', { token }, bearer);
      expect(errors).toMatchObject([{ path: ['confirmEmail'], extensions: { code: 'FORBIDDEN' } }]);
    }
    expect(await countRows(app)).toEqual(before);
    expect(await mutate(app, 'confirmEmail', { token })).toMatchObject({ __typename: 'UserNotActiveError' });
    await mutate(app, 'reactivateUser', { userId: id });
    expect(await mutate(app, 'confirmEmail', { token }, null)).toMatchObject({
      __typename: 'ConfirmEmailSuccess',
    });
  });

  it('can still read the own profile, and staff can export, erase and reactivate it', async () => {
    const { id } = await createUser(app);
    await freeze(id);
    const own = await app.token({ sub: id });
    const { data } = await app.graphql('{ me { id status statusReason } }', {}, { token: own });
    expect(data.me).toEqual({ id, status: 'DEACTIVATED', statusReason: 'SECURITY_VIOLATION' });
    expect(await mutate(app, 'exportUserData', { userId: id }, officer)).toMatchObject({
      __typename: 'ExportUserDataSuccess',
    });
    await mutate(app, 'reactivateUser', { userId: id });
    expect(await mutate(app, 'updateUser', { userId: id, firstName: 'Ada' }, own)).toMatchObject({
      __typename: 'UpdateUserSuccess',
    });
    await freeze(id);
    expect(await mutate(app, 'eraseUser', { userId: id }, officer)).toMatchObject({
      __typename: 'EraseUserSuccess',
    });
  });

  it('can follow an unsubscribe link', async () => {
    const { id } = await createUser(app);
    await mutate(app, 'updateEmailPreferences', { userId: id, newsletter: true });
    const path = await pathFor(app, id, 'newsletter');
    await freeze(id);
    expect((await click(app, path)).status).toBe(200);
    expect(await app.sql('SELECT newsletter FROM users WHERE id = $1', [id])).toEqual([
      { newsletter: false },
    ]);
  });
});

describe('a user deactivated for another reason', () => {
  it.each(['USER_REQUESTED', 'ADMINISTRATIVE_ACTION', 'INACTIVITY'])(
    '%s can export and erase',
    async (reason) => {
      const { id } = await createUser(app, buildUser());
      await mutate(app, 'deactivateUser', { userId: id, reason });
      const own = await app.token({ sub: id });
      expect(await mutate(app, 'exportUserData', { userId: id }, own)).toMatchObject({
        __typename: 'ExportUserDataSuccess',
      });
      expect(await mutate(app, 'eraseUser', { userId: id }, own)).toMatchObject({
        __typename: 'EraseUserSuccess',
      });
    },
  );
});
