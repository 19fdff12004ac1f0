import { randomUUID } from 'node:crypto';
import { auditEntriesOfUser, auditedFieldsOfUser } from '../../src/personal-data/audit-entries-of-user';
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

/** Returns the audited reads of a user, oldest first. Reads by SQL are not audited. */
const readsOf = (userId: string) =>
  app.sql<Read & Record<string, unknown>>(
    `SELECT actor_id AS actor, ${auditedFieldsOfUser} AS fields, encrypted_values AS values FROM audit_entries
     WHERE ${auditEntriesOfUser} AND action = 'USER_READ' ORDER BY position`,
    [userId],
  );
const readBy = (actor: string, ...fields: string[]): Read => ({ actor, fields, values: null });

/** Creates a user with one audit entry, USER_CREATED. The mutation selects no field of the user. */
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
const query = (selection: string, id: string, token: string) =>
  app.graphql(`query ($id: ID!) { ${selection} }`, { id }, { token });

const readTrail = 'auditTrail(userId: $id) { nodes { action } }';
const readErasure = 'erasure(id: $id) { status }';
const readLink = 'userEmailPreferences(userId: $id) { unsubscribeUrl(topic: LOYALTY) }';

describe('reading the audit trail', () => {
  it('writes one audit entry for each request', async () => {
    const userId = await newUser();
    const trail = async () =>
      (await wholeAuditTrailOf(app, userId)).map(({ actor, action, fields }) =>
        action === 'USER_READ' ? [actor, fields] : action,
      );
    expect(await trail()).toEqual(['USER_CREATED']);
    const other = await app.token({ sub: 'second-auditor', scope: 'users:audit' });
    const twice = await query(`one: ${readTrail} two: ${readTrail}`, userId.toUpperCase(), other);
    expect(twice.errors).toEqual([]);
    expect(await trail()).toEqual([
      'USER_CREATED',
      ['auditor', ['auditTrail']],
      ['second-auditor', ['auditTrail']],
    ]);
  });

  it('of an erased user writes an entry without values', async () => {
    const userId = await newUser();
    await mutate(app, 'eraseUser', { userId }, officer);
    await wholeAuditTrailOf(app, userId);
    expect(await readsOf(userId)).toEqual([readBy('auditor', 'auditTrail')]);
  });

  it('writes no entry for an empty trail or one’s own', async () => {
    const [unknown, userId] = [randomUUID(), await newUser()];
    await wholeAuditTrailOf(app, unknown);
    const own = await app.token({ sub: userId, scope: 'users:audit' });
    expect((await query(readTrail, userId, own)).data.auditTrail.nodes).toHaveLength(1);
    expect([await readsOf(unknown), await readsOf(userId)]).toEqual([[], []]);
  });
});

describe('reading about an erasure', () => {
  it('as a plan writes an audit entry, except for one’s own or a user under a hold', async () => {
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

  it('by id writes an audit entry without values; eraseUser itself writes no read', async () => {
    const userId = await newUser();
    const { erasure } = await mutate(app, 'eraseUser', { userId }, officer);
    expect(await readsOf(userId)).toEqual([]);
    expect((await query(readErasure, erasure.id, officer)).data.erasure).toEqual({ status: 'COMPLETED' });
    expect((await query(readErasure, userId, officer)).data.erasure).toBeNull();
    expect(await readsOf(userId)).toEqual([readBy('officer', 'erasure')]);
  });
});

it('reading oneself by an id in upper case writes no audit entry', async () => {
  const userId = await newUser();
  const own = await app.token({ sub: userId, scope: 'users:read users:audit' });
  const at = new Date().toISOString();
  const { data, errors } = await query(
    `profileAsOf(userId: $id, at: "${at}") { email }
     ${readLink.replace('{', '{ loyalty')}
     past: userEmailPreferences(userId: $id, asOf: "${at}") { loyalty }
     auditTrail(userId: $id) { nodes { action changes { field } } }`,
    userId.toUpperCase(),
    own,
  );
  expect(errors).toEqual([]);
  expect(data.profileAsOf).toEqual({ email: `${userId}@example.com` });
  expect(data.auditTrail.nodes).toHaveLength(1);
  expect(await readsOf(userId)).toEqual([]);
});

it('reading e-mail preferences of an earlier time writes an audit entry', async () => {
  const userId = await newUser();
  const asOf = new Date().toISOString();
  const reader = await app.token({ sub: 'mailer', scope: 'users:read' });
  await query(`userEmailPreferences(userId: $id, asOf: "${asOf}") { loyalty }`, userId, reader);
  expect(await readsOf(userId)).toEqual([readBy('mailer', 'emailPreferences')]);
  await query(`user(id: $id) { emailPreferences(asOf: "${asOf}") { loyalty } }`, userId, reader);
  expect(await readsOf(userId)).toHaveLength(2);
});

describe('reading an unsubscribe link', () => {
  it('of another user is named in the audit entry', async () => {
    const userId = await newUser();
    const link = 'emailPreferences { unsubscribeUrl(topic: LOYALTY) }';
    await query(readLink, userId, await app.token({ sub: 'mailer', scope: 'users:read' }));
    await query(`user(id: $id) { ${link} }`, userId, app.staff);
    await app.graphql(
      `mutation ($id: ID!) { updateEmailPreferences(input: { userId: $id, loyalty: true }) {
         ... on UpdateEmailPreferencesSuccess { ${link} } } }`,
      { id: userId },
      { token: app.staff },
    );
    await query('userEmailPreferences(userId: $id) { loyalty }', userId, app.staff);
    await query(readLink, userId, await app.token({ sub: userId }));
    const both = ['emailPreferences', 'unsubscribeUrl'];
    expect(await readsOf(userId)).toEqual([
      readBy('mailer', ...both),
      readBy('staff', ...both),
      readBy('staff', ...both),
      readBy('staff', 'emailPreferences'),
    ]);
  });
});

it('audited reads return SERVICE_UNAVAILABLE when their entry cannot be written', async () => {
  const [userId, erased] = [await newUser(), await newUser()];
  const { erasure } = await mutate(app, 'eraseUser', { userId: erased }, officer);
  const token = await app.token({ sub: 'refused', scope: 'users:read users:privacy users:audit' });
  const plan = 'mutation ($id: ID!) { eraseUser(input: { userId: $id, dryRun: true }) { __typename } }';
  const queryAll = () =>
    Promise.all([
      query(readTrail, userId, token),
      query(readErasure, erasure.id, token),
      query(readLink, userId, token),
      app.graphql(plan, { id: userId }, { token }),
    ]);
  await app.sql(`ALTER TABLE audit_entries ADD CONSTRAINT refused CHECK (actor_id <> 'refused')`);
  const refused = await queryAll();
  await app.sql('ALTER TABLE audit_entries DROP CONSTRAINT refused');
  // PostgreSQL is available, so a person must act.
  const lines = app.logged.filter(({ msg }) => msg === 'auditing a read failed');
  expect(lines.map(({ level }) => level)).toEqual(refused.map(() => 'error'));
  for (const { data, errors } of refused) {
    expect(data).toBeNull();
    expect(errors).toMatchObject([{ extensions: { code: 'SERVICE_UNAVAILABLE' } }]);
  }
  for (const { data, errors } of await queryAll())
    expect({ data, errors }).toEqual({ data: expect.any(Object), errors: [] });
});
