import { randomInt, randomUUID } from 'node:crypto';
import { decryptValues } from '../../src/audit/audit-values';
import { startTestApp, type TestApp } from '../testkit/app';
import { auditTrailOf } from '../testkit/audit';
import { eventually } from '../testkit/eventually';
import { type Mailbox, openMailbox } from '../testkit/mailbox';
import { countRows, eventsOf } from '../testkit/stored-rows';
import { createUser, mutate, tryMutation } from '../testkit/users';

let app: TestApp;
let replica: TestApp;
let mailbox: Mailbox;
beforeAll(async () => {
  app = await startTestApp();
  replica = await startTestApp({ replicaOf: app });
  mailbox = await openMailbox(app);
});
afterAll(async () => {
  await mailbox.close();
  await replica.stop();
  await app.stop();
});

const newNumber = () => `+49${randomInt(10 ** 9, 10 ** 10)}`;
const withNumber = (phoneNumber = newNumber()) => createUser(app, { phoneNumber });
const ask = (userId: string, more: object = {}, on = app) =>
  mutate(on, 'requestPhoneVerification', { userId, ...more }, app.staff);
const confirm = (userId: string, code: string, on = app) =>
  mutate(on, 'confirmPhone', { userId, code }, app.staff);
const changeNumber = (userId: string, phoneNumber: string | null) =>
  mutate(app, 'updateUser', { userId, phoneNumber });
const invalid = { __typename: 'InvalidTokenError', message: expect.any(String) };

/** The codes that were sent to a user. Their events lose the code, but not the row. */
const sentTo = async (userId: string) =>
  (await app.sql('SELECT 1 FROM phone_verification_codes WHERE user_id = $1', [userId])).length;
/** The values of the audit entries of a user's requests. */
async function requestsOf(userId: string) {
  const entries = await app.sql<{ id: string; values: Buffer; key: Buffer }>(
    `SELECT id, encrypted_values AS values, key FROM audit_entries JOIN audit_keys USING (user_id)
     WHERE user_id = $1 AND action = 'PHONE_VERIFICATION_REQUESTED'`,
    [userId],
  );
  return entries.map(({ id, values, key }) => decryptValues(key, id, values));
}
const age = (userId: string, interval: string) =>
  app.sql(
    `UPDATE phone_verification_codes SET issued_at = issued_at - $2::interval, expires_at = expires_at - $2::interval
     WHERE user_id = $1`,
    [userId, interval],
  );

/** Requests a code and returns what the NotificationService receives. */
async function request(userId: string): Promise<{ code: string; phoneNumber: string; expiresAt: string }> {
  expect(await ask(userId)).toMatchObject({ __typename: 'RequestPhoneVerificationSuccess' });
  return mailbox.last(userId, 'UserPhoneVerificationRequested');
}

/** A code of six digits that is wrong. */
const wrong = (code: string, by = 1) => String((Number(code) + by) % 1_000_000).padStart(6, '0');

describe('requestPhoneVerification and confirmPhone', () => {
  it('verify a number once, with a version, an event and entries in history and audit trail', async () => {
    const created = await withNumber();
    const userId = created.id;
    const before = Date.now();
    const { user } = await ask(userId);
    expect(user).toEqual({ ...created, phoneVerification: { status: 'PENDING', verifiedAt: null } });
    const data = await mailbox.last(userId, 'UserPhoneVerificationRequested');
    expect(data).toEqual({
      userId,
      phoneNumber: created.phoneNumber,
      code: expect.stringMatching(/^\d{6}$/),
      expiresAt: expect.any(String),
    });
    expect(Date.parse(data.expiresAt) - before).toBeGreaterThan(9 * 60_000);
    expect(Date.parse(data.expiresAt) - before).toBeLessThan(11 * 60_000);

    const confirmed = await confirm(userId, ` ${data.code} `, replica);
    const verifiedAt = expect.any(String);
    expect(confirmed).toMatchObject({
      __typename: 'ConfirmPhoneSuccess',
      user: { version: 2, phoneVerification: { status: 'VERIFIED', verifiedAt } },
    });
    expect((await eventsOf(app, userId)).at(-1)).toEqual({
      type: 'UserPhoneVerified',
      version: 2,
      data: { userId, verifiedAt: confirmed.user.phoneVerification.verifiedAt },
    });
    const { data: read } = await app.graphql(
      'query ($id: ID!) { user(id: $id) { phoneVerification { status } history { nodes { type data } } } }',
      { id: userId },
      { token: app.staff },
    );
    expect(read.user.phoneVerification.status).toBe('VERIFIED');
    expect(read.user.history.nodes[0]).toEqual({ type: 'PHONE_VERIFIED', data: {} });
    const actions = (await auditTrailOf(app, userId)).map(({ action }) => action);
    expect(actions).toEqual(expect.arrayContaining(['PHONE_VERIFICATION_REQUESTED', 'PHONE_VERIFIED']));
    expect(await requestsOf(userId)).toEqual([
      { before: { phoneVerification: 'UNVERIFIED' }, after: { phoneVerification: 'PENDING' } },
    ]);

    const rows = await countRows(app);
    expect(await confirm(userId, data.code)).toEqual(invalid);
    await age(userId, '2 minutes');
    // A verified number needs no code.
    expect(await ask(userId)).toMatchObject({ user: { version: 2 } });
    expect(await countRows(app)).toEqual(rows);
    expect(await sentTo(userId)).toBe(1);
  });

  it('store no code: neither table nor outbox have it once it is published', async () => {
    const { id: userId } = await withNumber();
    const { code } = await request(userId);
    await eventually(async () => {
      const [event] = await app.sql<{ data: object }>(
        `SELECT data FROM outbox_events WHERE user_id = $1 AND type = 'UserPhoneVerificationRequested'`,
        [userId],
      );
      expect(Object.keys(event?.data ?? {}).sort()).toEqual(['expiresAt', 'phoneNumber', 'userId']);
    });
    const rows = await app.sql('SELECT * FROM phone_verification_codes WHERE user_id = $1', [userId]);
    expect(JSON.stringify(rows)).not.toContain(`"${code}"`);
    expect(JSON.stringify(app.logged)).not.toContain(`"${code}"`);
    expect((await confirm(userId, code)).__typename).toBe('ConfirmPhoneSuccess');
  });

  it('20 concurrent guesses on two replicas use five tries, and the right code fails after them', async () => {
    const { id: userId } = await withNumber();
    const { code } = await request(userId);
    const guesses = Array.from({ length: 20 }, (_, at) =>
      confirm(userId, wrong(code, at + 1), at % 2 === 0 ? app : replica),
    );
    expect(await Promise.all(guesses)).toEqual(guesses.map(() => invalid));
    const [row] = await app.sql('SELECT tries FROM phone_verification_codes WHERE user_id = $1', [userId]);
    expect(row).toEqual({ tries: 5 });
    expect(await confirm(userId, code)).toEqual(invalid);
    // Only a new code helps, once the minute is over.
    await ask(userId);
    expect(await sentTo(userId)).toBe(1);
    await age(userId, '61 seconds');
    const { code: next } = await request(userId);
    expect(await sentTo(userId)).toBe(2);
    expect((await confirm(userId, next)).__typename).toBe('ConfirmPhoneSuccess');
  });

  it('accept the fifth try, and count only codes of six digits', async () => {
    const { id: userId } = await withNumber();
    const { code } = await request(userId);
    for (const malformed of ['', '12345', '1234567', 'abcdef', '１２３４５６', `${code}x`, '-12345'])
      expect(await confirm(userId, malformed)).toEqual(invalid);
    for (let at = 1; at < 5; at += 1) expect(await confirm(userId, wrong(code, at))).toEqual(invalid);
    expect((await confirm(userId, code)).__typename).toBe('ConfirmPhoneSuccess');
  });

  it('one of several concurrent confirmations has the effect', async () => {
    const { id: userId } = await withNumber();
    const { code } = await request(userId);
    const results = await Promise.all([app, replica, app, replica].map((on) => confirm(userId, code, on)));
    expect(results.filter(({ __typename }) => __typename === 'ConfirmPhoneSuccess')).toHaveLength(1);
    expect((await eventsOf(app, userId)).filter(({ type }) => type === 'UserPhoneVerified')).toHaveLength(1);
  });

  it('refuse a code that is expired, of an earlier request or of another user', async () => {
    const { id: userId } = await withNumber();
    const { code: first } = await request(userId);
    await age(userId, '601 seconds');
    expect(await confirm(userId, first)).toEqual(invalid);
    const { code: second } = await request(userId);
    await age(userId, '61 seconds');
    const { code: third } = await request(userId);
    if (second !== third) expect(await confirm(userId, second)).toEqual(invalid);
    const { id: other } = await withNumber();
    const { code: another } = await request(other);
    if (another !== third) expect(await confirm(userId, another)).toEqual(invalid);
    expect((await confirm(userId, third)).__typename).toBe('ConfirmPhoneSuccess');
  });

  it('send one code a minute to a user and number, and ten a day to a user, on all replicas', async () => {
    const { id: userId } = await withNumber();
    await Promise.all([app, replica, app, replica, app].map((on) => ask(userId, {}, on)));
    expect(await sentTo(userId)).toBe(1);
    for (let sent = 1; sent < 10; sent += 1) {
      await changeNumber(userId, newNumber());
      await ask(userId);
      expect(await sentTo(userId)).toBe(sent + 1);
    }
    await changeNumber(userId, newNumber());
    const { user } = await ask(userId, {}, replica);
    expect(user.phoneVerification).toEqual({ status: 'UNVERIFIED', verifiedAt: null });
    expect(await sentTo(userId)).toBe(10);
    await age(userId, '24 hours');
    await ask(userId);
    expect(await sentTo(userId)).toBe(11);
  });

  it('another number is UNVERIFIED and voids the code, also for the number before', async () => {
    const number = newNumber();
    const { id: userId } = await withNumber(number);
    const { code } = await request(userId);
    expect((await changeNumber(userId, newNumber())).user.phoneVerification.status).toBe('UNVERIFIED');
    expect(await confirm(userId, code)).toEqual(invalid);
    await changeNumber(userId, number);
    expect(await confirm(userId, code)).toEqual(invalid);
    await age(userId, '61 seconds');
    const { code: next } = await request(userId);
    expect((await confirm(userId, next)).__typename).toBe('ConfirmPhoneSuccess');
    // The same number, written otherwise, stays verified.
    await changeNumber(userId, number.slice(1));
    expect((await changeNumber(userId, number)).user.phoneVerification.status).toBe('VERIFIED');
    expect((await changeNumber(userId, null)).user.phoneVerification).toEqual({
      status: 'UNVERIFIED',
      verifiedAt: null,
    });
  });

  it('a repeated request with the same key has one effect', async () => {
    const { id: userId } = await withNumber();
    const idempotencyKey = randomUUID();
    await ask(userId, { idempotencyKey });
    await age(userId, '61 seconds');
    expect(await ask(userId, { idempotencyKey }, replica)).toMatchObject({
      user: { phoneVerification: { status: 'PENDING' } },
    });
    expect(await sentTo(userId)).toBe(1);
    const { id: other } = await withNumber();
    expect(await ask(other, { idempotencyKey })).toMatchObject({ __typename: 'IdempotencyConflictError' });
  });

  it('return the errors of users without a number, inactive and unknown ones', async () => {
    const { id: userId } = await createUser(app);
    expect(await ask(userId)).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [{ path: 'phoneNumber', code: 'REQUIRED' }],
    });
    expect(await confirm(userId, '123456')).toEqual(invalid);
    await mutate(app, 'deactivateUser', { userId });
    for (const [id, __typename] of [
      [userId, 'UserNotActiveError'],
      [randomUUID(), 'UserNotFoundError'],
      ['malformed', 'UserNotFoundError'],
    ] as const) {
      expect(await ask(id)).toMatchObject({ __typename });
      expect(await confirm(id, '123456')).toMatchObject({ __typename });
    }
  });

  it('are for the user and users:write, and FORBIDDEN for a frozen account', async () => {
    const { id: userId } = await withNumber();
    const own = await app.token({ sub: userId });
    await mutate(app, 'requestPhoneVerification', { userId }, own);
    const { code } = await mailbox.last(userId, 'UserPhoneVerificationRequested');
    const { id: stranger } = await createUser(app);
    const theirs = await app.token({ sub: stranger });
    const refusal = async (mutation: string, input: object, token: string) =>
      (await tryMutation(app, mutation, { userId, ...input }, token)).errors.map(
        ({ extensions }) => extensions.code,
      );
    expect(await refusal('confirmPhone', { code }, theirs)).toEqual(['FORBIDDEN']);
    await mutate(app, 'deactivateUser', { userId, reason: 'SECURITY_VIOLATION' });
    expect(await refusal('confirmPhone', { code }, own)).toEqual(['FORBIDDEN']);
    expect(await refusal('requestPhoneVerification', {}, own)).toEqual(['FORBIDDEN']);
    await mutate(app, 'reactivateUser', { userId });
    expect((await mutate(app, 'confirmPhone', { userId, code }, own)).__typename).toBe('ConfirmPhoneSuccess');
  });
});

it('metrics count requests, limited requests and tries', async () => {
  const read = async (outcome: string) =>
    Number(
      new RegExp(`user_service_phone_codes_total\\{outcome="${outcome}"\\} (\\d+)`).exec(
        await (await fetch(`${app.url}/metrics`)).text(),
      )?.[1] ?? 0,
    );
  const outcomes = ['requested', 'limited', 'refused', 'confirmed'];
  const before = await Promise.all(outcomes.map(read));
  const { id: userId } = await withNumber();
  const { code } = await request(userId);
  await ask(userId);
  await confirm(userId, wrong(code));
  await confirm(userId, code);
  expect(await Promise.all(outcomes.map(read))).toEqual(before.map((count) => count + 1));
});
