import { startTestApp, type TestApp } from '../testkit/app';
import { auditTrailOf } from '../testkit/audit';
import { type Mailbox, openMailbox } from '../testkit/mailbox';
import { countRows, eventsOf } from '../testkit/stored-rows';
import { buildUser, createUser, mutate } from '../testkit/users';

let app: TestApp;
let mailbox: Mailbox;
beforeAll(async () => {
  app = await startTestApp();
  mailbox = await openMailbox(app);
});
afterAll(async () => {
  await mailbox.close();
  await app.stop();
});

const address = () => buildUser().email as string;
const change = (userId: string, email: string) => mutate(app, 'updateUser', { userId, email });
const confirm = (token: string) => mutate(app, 'confirmEmail', { token }, null);
const invalid = { __typename: 'InvalidTokenError', message: expect.any(String) };

/** Requests a confirmation mail and returns what the NotificationService receives. */
async function request(userId: string) {
  const result = await mutate(app, 'requestEmailVerification', { userId });
  expect(result.__typename).toBe('RequestEmailVerificationSuccess');
  const data = await mailbox.last(userId);
  return { user: result.user, data, token: data.token as string };
}

async function readUser(id: string) {
  const query =
    'query ($id: ID!) { user(id: $id) { email pendingEmail username version emailVerification { status verifiedAt } } }';
  return (await app.graphql(query, { id }, { token: app.staff })).data.user;
}

describe('e-mail verification', () => {
  it('confirmEmail verifies the address once, with a version and an event', async () => {
    const created = await createUser(app);
    const { user, data, token } = await request(created.id);
    expect(user).toEqual({ ...created, emailVerification: { status: 'PENDING', verifiedAt: null } });
    expect(data).toEqual({
      userId: created.id,
      email: created.email,
      token: expect.any(String),
      expiresAt: expect.any(String),
    });
    const hoursLeft = (Date.parse(data.expiresAt) - Date.now()) / 3_600_000;
    expect(hoursLeft).toBeGreaterThan(23.9);
    expect(hoursLeft).toBeLessThanOrEqual(24);

    expect((await confirm(token)).__typename).toBe('ConfirmEmailSuccess');
    const after = await readUser(created.id);
    expect(after).toMatchObject({ email: created.email, pendingEmail: null, version: 2 });
    expect(after.emailVerification).toEqual({ status: 'VERIFIED', verifiedAt: expect.any(String) });
    expect((await eventsOf(app, created.id)).at(-1)).toEqual({
      type: 'UserEmailVerified',
      version: 2,
      data: { userId: created.id, verifiedAt: after.emailVerification.verifiedAt, emailChanged: false },
    });
    const before = await countRows(app);
    expect(await confirm(token)).toEqual(invalid);
    // The address is verified: a request sends nothing.
    const { user: again } = await mutate(app, 'requestEmailVerification', { userId: created.id });
    expect(again.version).toBe(2);
    expect(await countRows(app)).toEqual(before);
  });

  it('updateUser stores a new address as pendingEmail; confirmEmail moves it to email and username', async () => {
    const created = await createUser(app);
    const wanted = address().toUpperCase();
    const changed = (await change(created.id, ` ${wanted} `)).user;
    expect(changed).toMatchObject({
      email: created.email,
      pendingEmail: wanted,
      username: created.username,
      version: 2,
    });
    const byEmail = (email: string) =>
      app.graphql(
        'query ($email: String!) { userByEmail(email: $email) { id } }',
        { email },
        { token: app.staff },
      );
    expect((await byEmail(wanted)).data.userByEmail).toBeNull();
    expect((await byEmail(created.email)).data.userByEmail).toEqual({ id: created.id });

    const { user, data, token } = await request(created.id);
    expect(data).toMatchObject({ email: wanted, currentEmail: created.email });
    // Verification of the current address was not requested.
    expect(user).toEqual(changed);
    expect((await auditTrailOf(app, created.id)).map(({ action }) => action)).toContain(
      'EMAIL_VERIFICATION_REQUESTED',
    );
    await confirm(token);
    const after = await readUser(created.id);
    expect(after).toMatchObject({ email: wanted, pendingEmail: null, username: wanted, version: 3 });
    expect(after.emailVerification.status).toBe('VERIFIED');
    expect((await eventsOf(app, created.id)).at(-1)?.data).toMatchObject({
      emailChanged: true,
      previousEmail: created.email,
    });
    expect((await byEmail(wanted)).data.userByEmail).toEqual({ id: created.id });
    // The old address is free again.
    expect((await createUser(app, { email: created.email })).email).toBe(created.email);
  });

  it('confirmEmail keeps a username that differs from the old address', async () => {
    const created = await createUser(app, { username: `chosen-${Date.now()}` });
    await change(created.id, address());
    await confirm((await request(created.id)).token);
    expect((await readUser(created.id)).username).toBe(created.username);
  });

  it('confirmEmail rejects a token after another change of the address or its reversal', async () => {
    const { id, email } = await createUser(app);
    await change(id, address());
    const first = (await request(id)).token;
    const wanted = address();
    await change(id, wanted);
    expect(await confirm(first)).toEqual(invalid);
    const second = (await request(id)).token;
    expect((await change(id, email)).user.pendingEmail).toBeNull();
    expect(await confirm(second)).toEqual(invalid);
    expect(await readUser(id)).toMatchObject({
      email,
      version: 4,
      emailVerification: { status: 'UNVERIFIED' },
    });
    // The rejection did not consume the token.
    await change(id, wanted);
    expect((await confirm(second)).__typename).toBe('ConfirmEmailSuccess');
    expect((await readUser(id)).email).toBe(wanted);
  });

  it('concurrent confirmEmail calls give an address to one of two users', async () => {
    const wanted = address();
    const rivals = await Promise.all([createUser(app), createUser(app)]);
    const tokens: string[] = [];
    for (const { id } of rivals) {
      expect((await change(id, wanted)).__typename).toBe('UpdateUserSuccess');
      tokens.push((await request(id)).token);
    }
    const results = await Promise.all(tokens.map(confirm));
    expect(results.map(({ __typename }): string => __typename).sort()).toEqual([
      'ConfirmEmailSuccess',
      'InvalidTokenError',
    ]);
    const after = await Promise.all(rivals.map(({ id }) => readUser(id)));
    expect(after.filter(({ email }) => email === wanted)).toHaveLength(1);
    const third = await createUser(app);
    expect((await change(third.id, wanted)).__typename).toBe('EmailTakenError');
  });

  it('a pending address is not reserved', async () => {
    const { id, email } = await createUser(app);
    const wanted = address();
    await change(id, wanted);
    const { token } = await request(id);
    await createUser(app, { email: wanted });
    expect(await confirm(token)).toEqual(invalid);
    expect(await readUser(id)).toMatchObject({ email, pendingEmail: wanted, version: 2 });
  });

  it('confirmEmail rejects a token for an address that has become the username of another user', async () => {
    const { id, email } = await createUser(app);
    const wanted = address();
    await change(id, wanted);
    const { token } = await request(id);
    const other = await createUser(app);
    // From before usernames had to be the own address.
    await app.sql('UPDATE users SET username = $2, username_normalized = $2 WHERE id = $1', [
      other.id,
      wanted.toLowerCase(),
    ]);
    expect(await confirm(token)).toEqual(invalid);
    expect(await readUser(id)).toMatchObject({ email, pendingEmail: wanted, version: 2 });
  });

  it('ten concurrent confirmEmail calls with one token succeed once', async () => {
    const { id } = await createUser(app);
    const { token } = await request(id);
    const results = await Promise.all(Array.from({ length: 10 }, () => confirm(token)));
    expect(results.filter(({ __typename }) => __typename === 'ConfirmEmailSuccess')).toHaveLength(1);
    expect((await readUser(id)).version).toBe(2);
  });

  it('confirmEmail rejects garbage, changed, expired and foreign tokens, and those of inactive users', async () => {
    const { id } = await createUser(app);
    const { token } = await request(id);
    const [header, claims, signature] = token.split('.') as [string, string, string];
    const other = await createUser(app);
    const forged = JSON.parse(Buffer.from(claims, 'base64url').toString());
    const stolen = Buffer.from(JSON.stringify({ ...forged, sub: other.id })).toString('base64url');
    const none = Buffer.from('{"alg":"none","typ":"email-verification+jwt"}').toString('base64url');
    for (const bad of [
      '',
      'garbage',
      `${token}x`,
      `${header}.${stolen}.${signature}`,
      `${none}.${claims}.`,
      app.staff,
      token.toLowerCase(),
    ])
      expect(await confirm(bad)).toEqual(invalid);
    await app.sql(
      "UPDATE email_verification_tokens SET expires_at = now() - interval '1 second' WHERE user_id = $1",
      [id],
    );
    expect(await confirm(token)).toEqual(invalid);
    expect((await readUser(id)).version).toBe(1);

    const { token: fresh } = await request(id);
    // The minute of the expired token does not count.
    expect(fresh).not.toBe(token);
    await mutate(app, 'deactivateUser', { userId: id });
    expect(await confirm(fresh)).toMatchObject({ __typename: 'UserNotActiveError' });
    await app.sql('DELETE FROM users WHERE id = $1', [id]);
    expect(await confirm(fresh)).toMatchObject({ __typename: 'UserNotFoundError' });
  });

  it('requestEmailVerification sends once a minute for an address, and immediately for another one', async () => {
    const { id } = await createUser(app);
    const requests = () =>
      eventsOf(app, id).then((all) => all.filter(({ type }) => type === 'UserEmailVerificationRequested'));
    const { user, token: first } = await request(id);
    const before = await countRows(app);
    const again = await Promise.all(
      Array.from({ length: 5 }, () => mutate(app, 'requestEmailVerification', { userId: id })),
    );
    for (const result of again)
      expect(result).toEqual({ __typename: 'RequestEmailVerificationSuccess', user });
    expect(await countRows(app)).toEqual(before);

    await app.sql(
      "UPDATE email_verification_tokens SET issued_at = issued_at - interval '61 seconds' WHERE user_id = $1",
      [id],
    );
    const { token } = await request(id);
    await confirm(token);
    // The first token of the verified address still works, and verifies nothing again.
    expect((await confirm(first)).__typename).toBe('ConfirmEmailSuccess');
    expect((await readUser(id)).version).toBe(2);
    // The limit is per address.
    await change(id, address());
    await request(id);
    expect(await requests()).toHaveLength(3);
  });

  it('requestEmailVerification sends again within the minute for an address whose token was used', async () => {
    const { id, email } = await createUser(app);
    for (const wanted of [address(), email]) {
      await confirm((await request(id)).token);
      await change(id, wanted);
    }
    const { data, token } = await request(id);
    expect(data).toMatchObject({ email });
    expect((await confirm(token)).__typename).toBe('ConfirmEmailSuccess');
  });

  it('requestEmailVerification sends at most twenty times a day for a user', async () => {
    const { id } = await createUser(app);
    for (let mails = 0; mails < 20; mails += 1) {
      await change(id, address());
      await request(id);
    }
    await change(id, address());
    const before = await countRows(app);
    const result = await mutate(app, 'requestEmailVerification', { userId: id });
    expect(result.__typename).toBe('RequestEmailVerificationSuccess');
    expect(await countRows(app)).toEqual(before);
    await app.sql(
      "UPDATE email_verification_tokens SET issued_at = issued_at - interval '24 hours' WHERE user_id = $1",
      [id],
    );
    await request(id);
  });

  it('logs, history and token rows contain neither address nor token', async () => {
    const { id, email } = await createUser(app);
    const wanted = address();
    await change(id, wanted);
    const { token } = await request(id);
    await confirm(token);
    const history = await app.sql('SELECT * FROM user_history WHERE user_id = $1', [id]);
    const kept = JSON.stringify([
      app.logged,
      history,
      await app.sql('SELECT * FROM email_verification_tokens'),
    ]);
    for (const secret of [email, wanted, token]) expect(kept).not.toContain(secret);
  });
});
