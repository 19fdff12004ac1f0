import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../testkit/app';
import { wholeAuditTrailOf } from '../testkit/audit';
import { mutate } from '../testkit/users';

let app: TestApp;
let officer: string;
beforeAll(async () => {
  app = await startTestApp();
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
});
afterAll(() => app.stop());

interface Read {
  actor: string;
  fields: string[];
  values: Buffer | null;
}

/** Who read what of a user, oldest first; looking leaves no entry. */
const readsOf = (userId: string) =>
  app.sql<Read & Record<string, unknown>>(
    `SELECT actor_id AS actor, fields, encrypted_values AS values FROM audit_entries
     WHERE user_id = $1 AND action = 'USER_READ' ORDER BY position`,
    [userId],
  );
const readBy = (actor: string, ...fields: string[]): Read => ({ actor, fields, values: null });

/** A user about whom there is one entry: that it was created. */
async function newUser(): Promise<string> {
  const userId = randomUUID();
  await app.graphql(
    'mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }',
    { input: { userId, email: `${userId}@example.com`, firstName: 'Ada', lastName: 'Lovelace' } },
    { token: app.staff },
  );
  return userId;
}

const planFor = (userId: string, token: string) => mutate(app, 'eraseUser', { userId, dryRun: true }, token);
const askFor = (query: string, id: string, token: string) =>
  app.graphql(`query ($id: ID!) { ${query} }`, { id }, { token });

const readTrail = 'auditTrail(userId: $id) { nodes { action } }';
const readErasure = 'erasure(id: $id) { status }';
const readLink = 'userEmailPreferences(userId: $id) { unsubscribeUrl(topic: LOYALTY) }';

describe('reading the audit trail', () => {
  it('leaves an entry for each request, which the next one shows', async () => {
    const userId = await newUser();
    const told = async () =>
      (await wholeAuditTrailOf(app, userId)).map(({ actor, action, fields }) =>
        action === 'USER_READ' ? [actor, fields] : action,
      );
    expect(await told()).toEqual(['USER_CREATED']);
    const other = await app.token({ sub: 'second-auditor', scope: 'users:audit' });
    const twice = await askFor(`one: ${readTrail} two: ${readTrail}`, userId.toUpperCase(), other);
    expect(twice.errors).toEqual([]);
    expect(await told()).toEqual([
      'USER_CREATED',
      ['auditor', ['auditTrail']],
      ['second-auditor', ['auditTrail']],
    ]);
  });

  it('of an erased user does, without values', async () => {
    const userId = await newUser();
    await mutate(app, 'eraseUser', { userId }, officer);
    await wholeAuditTrailOf(app, userId);
    expect(await readsOf(userId)).toEqual([readBy('auditor', 'auditTrail')]);
  });

  it('leaves none where there is nothing to read, and about oneself', async () => {
    const [unknown, userId] = [randomUUID(), await newUser()];
    await wholeAuditTrailOf(app, unknown);
    const own = await app.token({ sub: userId, scope: 'users:audit' });
    expect((await askFor(readTrail, userId, own)).data.auditTrail.nodes).toHaveLength(1);
    expect([await readsOf(unknown), await readsOf(userId)]).toEqual([[], []]);
  });
});

describe('reading about an erasure', () => {
  it('as a plan leaves an entry, unless it is one’s own or there is none', async () => {
    const userId = await newUser();
    const own = await app.token({ sub: userId, authTime: new Date() });
    expect(await planFor(userId, own)).toMatchObject({ erasure: { status: 'PLANNED' } });
    expect(await readsOf(userId)).toEqual([]);
    expect(await planFor(userId, officer)).toMatchObject({ erasure: { status: 'PLANNED' } });
    expect(await readsOf(userId)).toEqual([readBy('officer', 'erasurePlan')]);
    await mutate(app, 'placeLegalHold', { userId, reason: 'a dispute' }, officer);
    expect(await planFor(userId, officer)).toMatchObject({ __typename: 'LegalHoldError' });
    expect(await readsOf(userId)).toHaveLength(1);
  });

  it('that has begun leaves an entry, without values; erasing is none', async () => {
    const userId = await newUser();
    const { erasure } = await mutate(app, 'eraseUser', { userId }, officer);
    expect(await readsOf(userId)).toEqual([]);
    expect((await askFor(readErasure, erasure.id, officer)).data.erasure).toEqual({ status: 'COMPLETED' });
    expect((await askFor(readErasure, userId, officer)).data.erasure).toBeNull();
    expect(await readsOf(userId)).toEqual([readBy('officer', 'erasure')]);
  });
});

describe('a link that turns a topic off', () => {
  it('is named in the entry of whoever is handed it for somebody else', async () => {
    const userId = await newUser();
    const link = 'emailPreferences { unsubscribeUrl(topic: LOYALTY) }';
    await askFor(readLink, userId, await app.token({ sub: 'mailer', scope: 'users:read' }));
    await askFor(`user(id: $id) { ${link} }`, userId, app.staff);
    await app.graphql(
      `mutation ($id: ID!) { updateEmailPreferences(input: { userId: $id, loyalty: true }) {
         ... on UpdateEmailPreferencesSuccess { ${link} } } }`,
      { id: userId },
      { token: app.staff },
    );
    await askFor('userEmailPreferences(userId: $id) { loyalty }', userId, app.staff);
    await askFor(readLink, userId, await app.token({ sub: userId }));
    const both = ['emailPreferences', 'unsubscribeUrl'];
    expect(await readsOf(userId)).toEqual([
      readBy('mailer', ...both),
      readBy('staff', ...both),
      readBy('staff', ...both),
      readBy('staff', 'emailPreferences'),
    ]);
  });
});

it('nothing of this is answered when its entry cannot be written', async () => {
  const [userId, erased] = [await newUser(), await newUser()];
  const { erasure } = await mutate(app, 'eraseUser', { userId: erased }, officer);
  const token = await app.token({ sub: 'refused', scope: 'users:read users:privacy users:audit' });
  const plan = 'mutation ($id: ID!) { eraseUser(input: { userId: $id, dryRun: true }) { __typename } }';
  const askAll = () =>
    Promise.all([
      askFor(readTrail, userId, token),
      askFor(readErasure, erasure.id, token),
      askFor(readLink, userId, token),
      app.graphql(plan, { id: userId }, { token }),
    ]);
  await app.sql(`ALTER TABLE audit_entries ADD CONSTRAINT refused CHECK (actor_id <> 'refused')`);
  const refused = await askAll();
  await app.sql('ALTER TABLE audit_entries DROP CONSTRAINT refused');
  for (const { data, errors } of refused) {
    expect(data).toBeNull();
    expect(errors).toMatchObject([{ extensions: { code: 'SERVICE_UNAVAILABLE' } }]);
  }
  for (const { data, errors } of await askAll())
    expect({ data, errors }).toEqual({ data: expect.any(Object), errors: [] });
});
