import { randomUUID } from 'node:crypto';
import { decryptValues } from '../../src/audit/audit-values';
import { startTestApp, type TestApp } from '../testkit/app';
import { auditTrailOf } from '../testkit/audit';
import { eventually } from '../testkit/eventually';
import { type Mailbox, openMailbox } from '../testkit/mailbox';
import { buildUser } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

let app: TestApp;
let witness: Witness;
let mailbox: Mailbox;
beforeAll(async () => {
  app = await startTestApp();
  mailbox = await openMailbox(app);
  witness = await startWitness(`${app.amqpPrefix}audit.events`);
});
afterAll(async () => {
  await witness.close();
  await mailbox.close();
  await app.stop();
});

/** Calls a mutation without reading the user, and returns the typename of the result. */
async function change(mutation: string, input: Record<string, unknown>, token = app.staff): Promise<string> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const { data, errors } = await app.graphql(
    `mutation ($input: ${type}) { ${mutation}(input: $input) { __typename } }`,
    { input },
    { token },
  );
  expect(errors).toEqual([]);
  return data[mutation].__typename;
}

async function newUser(overrides: Record<string, unknown> = {}): Promise<string> {
  const userId = randomUUID();
  expect(await change('createUser', buildUser({ userId, ...overrides }))).toBe('CreateUserSuccess');
  return userId;
}

describe('a mutation', () => {
  it('writes exactly one entry with actor, action, fields, time and reason', async () => {
    const before = Date.now();
    const userId = await newUser();
    const own = await app.token({ sub: userId });
    await change('updateUser', { userId, displayName: 'Countess', locale: 'en-GB', firstName: 'Ada' }, own);
    await change('updateEmailPreferences', { userId, newsletter: true, source: 'form' });
    await change('updateEmailPreferences', { userId, newsletter: true, source: 'again' });
    await change('requestEmailVerification', { userId }, own);
    const { token } = await mailbox.last(userId);
    await app.graphql(
      'mutation ($input: ConfirmEmailInput!) { confirmEmail(input: $input) { __typename } }',
      { input: { token } },
    );
    await change('deactivateUser', { userId, reason: 'INACTIVITY', notes: 'two years' });
    await change('reactivateUser', { userId, notes: 'came back' });

    const trail = await auditTrailOf(app, userId);
    const status = ['status', 'statusChangedAt', 'statusNotes', 'statusReason'];
    expect(trail.map(({ actor, action, fields, reason }) => [actor, action, fields, reason])).toEqual([
      ['staff', 'USER_CREATED', expect.arrayContaining(['email', 'firstName', 'lastName', 'status']), null],
      [userId, 'USER_UPDATED', ['displayName', 'locale'], null],
      ['staff', 'EMAIL_PREFERENCES_UPDATED', ['newsletter', 'preferencesUpdatedAt'], null],
      ['staff', 'EMAIL_PREFERENCES_UPDATED', ['newsletter'], null],
      [userId, 'EMAIL_VERIFICATION_REQUESTED', ['emailVerification'], null],
      [null, 'EMAIL_VERIFIED', ['emailVerification', 'emailVerifiedAt'], null],
      ['staff', 'USER_DEACTIVATED', status, 'INACTIVITY'],
      ['staff', 'USER_REACTIVATED', status, null],
    ]);
    const times = trail.map(({ at }) => Date.parse(at));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(before);
    expect(times.at(-1)).toBeLessThanOrEqual(Date.now() + 1_000);
  });

  it('without effect writes no entry', async () => {
    const userId = await newUser();
    expect(await change('updateUser', { userId, firstName: null })).toBe('InvalidInputError');
    expect(await change('updateUser', { userId, firstName: 'Ada' })).toBe('UpdateUserSuccess');
    expect(await change('reactivateUser', { userId })).toBe('ReactivateUserSuccess');
    expect(await change('deactivateUser', { userId, expectedVersion: 7 })).toBe('VersionConflictError');
    await change('deactivateUser', { userId, idempotencyKey: `once ${userId}` });
    await change('deactivateUser', { userId, idempotencyKey: `once ${userId}` });
    expect((await auditTrailOf(app, userId)).map(({ action }) => action)).toEqual([
      'USER_CREATED',
      'USER_DEACTIVATED',
    ]);
  });

  it('writes its values encrypted with the user’s key', async () => {
    const canary = `Canary${randomUUID().slice(0, 8)}`;
    const address = { street: canary, city: canary, state: canary, postalCode: '1', country: canary };
    const userId = await newUser({
      email: `${canary}@example.com`,
      firstName: canary,
      lastName: canary,
      username: canary,
      displayName: canary,
      phoneNumber: '+15550006283',
      address,
    });
    await change('updateUser', { userId, firstName: `${canary}2`, email: `new-${canary}@example.com` });
    await change('updateEmailPreferences', { userId, loyalty: true, source: canary });
    await change('requestEmailVerification', { userId });
    await change('deactivateUser', { userId, notes: canary });
    await eventually(() => expect(witness.of(userId)).toHaveLength(5));

    const tables = await app.sql<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relname LIKE 'audit%'`,
    );
    expect(tables.length).toBeGreaterThanOrEqual(3);
    const dumps = await Promise.all(tables.map(({ name }) => app.sql(`SELECT it::text FROM ${name} AS it`)));
    const readable = JSON.stringify([dumps, witness.events]).toLowerCase();
    const hidden = [canary, '15550006283'].flatMap((it) => [it, Buffer.from(it).toString('hex')]);
    for (const value of hidden) expect(readable).not.toContain(value.toLowerCase());

    const rows = await app.sql<{ id: string; key: Buffer; values: Buffer; fields: string[] }>(
      `SELECT id, key, encrypted_values AS values, fields FROM audit_entries JOIN audit_keys USING (user_id)
       WHERE user_id = $1 ORDER BY position`,
      [userId],
    );
    const kept = rows.map(({ id, key, values }) => decryptValues(key, id, values));
    expect(rows.map(({ fields }) => fields)).toEqual(kept.map(({ after }) => Object.keys(after ?? {})));
    expect(kept[0]).toMatchObject({ before: null, after: { firstName: canary, address } });
    expect(kept[1]).toEqual({
      before: { firstName: canary, pendingEmail: null },
      after: { firstName: `${canary}2`, pendingEmail: `new-${canary}@example.com` },
    });
    expect(kept[4]?.after).toMatchObject({ statusNotes: canary });
  });

  it('is published on audit.events with the id of its entry', async () => {
    const userId = await newUser();
    await change('deactivateUser', { userId, reason: 'INACTIVITY' });
    await eventually(() => expect(witness.of(userId)).toHaveLength(2));
    const [, entry] = await auditTrailOf(app, userId);
    expect(witness.of(userId)[1]).toMatchObject({
      routingKey: 'audit.user.changed',
      messageId: entry?.id,
      event: {
        type: 'UserDataChanged',
        data: {
          userId,
          at: entry?.at,
          actor: 'staff',
          action: 'USER_DEACTIVATED',
          fields: entry?.fields,
          reason: 'INACTIVITY',
        },
      },
    });
    expect(witness.of(userId)[1]?.event).not.toHaveProperty('sequence');
  });

  it('is rolled back when its entry fails', async () => {
    const userId = await newUser();
    await app.sql(`ALTER TABLE audit_entries ADD CONSTRAINT refused CHECK (actor_id <> 'refused')`);
    const refused = await app.token({ sub: 'refused', scope: 'users:write' });
    const { errors } = await app.graphql(
      'mutation ($input: DeactivateUserInput!) { deactivateUser(input: $input) { __typename } }',
      { input: { userId } },
      { token: refused },
    );
    await app.sql('ALTER TABLE audit_entries DROP CONSTRAINT refused');
    expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
    expect(await app.sql('SELECT status FROM users WHERE id = $1', [userId])).toEqual([{ status: 'ACTIVE' }]);
    expect(await auditTrailOf(app, userId)).toHaveLength(1);
  });
});

describe('the audit trail', () => {
  /** Reads this many pages; only the last may have no next page. */
  async function idsByPage(userId: string, first: number, pages: number): Promise<string[]> {
    const token = await app.token({ sub: 'auditor', scope: 'users:audit' });
    const ids: string[] = [];
    let after: string | null = null;
    for (let page = 1; page <= pages; page += 1) {
      const { data }: any = await app.graphql(
        `query ($userId: ID!, $first: Int!, $after: String) {
          auditTrail(userId: $userId, first: $first, after: $after) {
            edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }`,
        { userId, first, after },
        { token },
      );
      const { edges, pageInfo } = data.auditTrail;
      ids.push(...edges.map(({ node }: { node: { id: string } }) => node.id));
      if (page < pages) expect(pageInfo.hasNextPage).toBe(true);
      after = pageInfo.endCursor;
    }
    return ids;
  }

  it('returns pages, newest first', async () => {
    const userId = await newUser();
    for (const displayName of ['A', 'B', 'C', 'D']) await change('updateUser', { userId, displayName });
    const ids = await idsByPage(userId, 2, 3);
    expect(ids).toEqual((await auditTrailOf(app, userId)).map(({ id }) => id).toReversed());
  });

  it('returns each change and each read of one instant on one page', async () => {
    const userId = await newUser();
    // The newest entries, so that they make the first pages.
    await app.sql(
      `WITH entries AS (
         INSERT INTO audit_entries (id, at, actor_id, user_id, action, fields, user_ids, field_groups)
         SELECT gen_random_uuid(), date_trunc('hour', now()) + interval '2 hours', 'staff',
           CASE WHEN n % 2 = 0 THEN $1::uuid END, 'USER_READ', '{email}', CASE WHEN n % 2 = 1 THEN ARRAY[$1::uuid] END,
           CASE WHEN n % 2 = 1 THEN '[{"fields": ["email"], "lastPosition": 1}]'::jsonb END
         FROM generate_series(1, 12) AS n RETURNING id)
       INSERT INTO audit_unsealed SELECT id FROM entries`,
      [userId],
    );
    const ids = await idsByPage(userId, 3, 4);
    expect(ids).toHaveLength(12);
    expect(ids).toEqual([...new Set(ids)].sort((one, other) => (one < other ? 1 : -1)));
  });

  it('is empty for unknown and malformed ids', async () => {
    expect(await auditTrailOf(app, randomUUID())).toEqual([]);
    expect(await auditTrailOf(app, 'malformed')).toEqual([]);
  });

  it('stays readable after the user’s row is deleted', async () => {
    const userId = await newUser();
    await app.sql('DELETE FROM users WHERE id = $1', [userId]);
    expect((await auditTrailOf(app, userId)).map(({ action }) => action)).toEqual(['USER_CREATED']);
  });

  it.each([
    { scope: 'users:write users:read users:privacy', code: 'FORBIDDEN' },
    { scope: null, code: 'UNAUTHENTICATED' },
  ])('is $code for the scope $scope', async ({ scope, code }) => {
    const userId = await newUser();
    const token = scope === null ? undefined : await app.token({ sub: userId, scope });
    const { data, errors } = await app.graphql(
      'query ($userId: ID!) { auditTrail(userId: $userId) { nodes { id } } }',
      { userId },
      { token },
    );
    expect(data).toBeNull();
    expect(errors).toMatchObject([{ path: ['auditTrail'], extensions: { code } }]);
  });
});
