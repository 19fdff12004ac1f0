import { randomInt, randomUUID } from 'node:crypto';
import { AuditRepository } from '../../src/audit/audit.repository';
import { Database, type Transaction } from '../../src/postgres/database';
import { startTestApp, type TestApp } from '../testkit/app';
import { type Mailbox, openMailbox } from '../testkit/mailbox';
import { clearableFields, exampleProfile, pastLeafFields } from '../testkit/user-fields';
import { type ListStatement, planOf, printPlan } from '../testkit/user-list-plans';
import { createUser, mutate } from '../testkit/users';

let app: TestApp;
let auditor: string;
let mailbox: Mailbox;
beforeAll(async () => {
  app = await startTestApp();
  auditor = await app.token({ sub: 'auditor', scope: 'users:audit' });
  mailbox = await openMailbox(app);
});
afterAll(async () => {
  await mailbox.close();
  await app.stop();
});

const pick = <T>(values: readonly T[]): T => values[randomInt(values.length)] as T;
const fields = `${pastLeafFields.join(' ')}
  address { street city state postalCode country }
  emailVerification { status verifiedAt } phoneVerification { status verifiedAt }`;

async function profileAsOf(userId: string, at: Date | string, token = auditor): Promise<any> {
  const { data, errors } = await app.graphql(
    `query ($userId: ID!, $at: DateTime!) { profileAsOf(userId: $userId, at: $at) { ${fields} } }`,
    { userId, at },
    { token },
  );
  expect(errors).toEqual([]);
  return data.profileAsOf;
}

async function presentProfile(id: string): Promise<any> {
  const { data, errors } = await app.graphql(
    `query ($id: ID!) { user(id: $id) { ${fields} } }`,
    { id },
    { token: app.staff },
  );
  expect(errors).toEqual([]);
  return data.user;
}

/** The time of the clock, which has passed when this resolves: what happens next is later. */
async function passingTime(): Promise<Date> {
  const at = Date.now();
  while (Date.now() <= at) await new Promise(setImmediate);
  return new Date(at);
}

/** Does something random to a user, with effect or without. */
const deeds: ((userId: string) => Promise<unknown>)[] = [
  (userId) =>
    mutate(app, 'updateUser', {
      userId,
      firstName: pick(['Ada', 'Zoë', 'José']),
      locale: pick(['en', 'de']),
    }),
  (userId) =>
    mutate(app, 'updateUser', {
      userId,
      displayName: pick(['Countess', null]),
      lastName: pick(['King', 'Byron']),
    }),
  (userId) =>
    mutate(app, 'updateUser', { userId, phoneNumber: pick(['+14155550100', '+14155550101', null]) }),
  (userId) =>
    mutate(app, 'updateUser', {
      userId,
      address: pick([null, { city: 'Ely' }, { city: 'Ely', street: '1 High St' }]),
    }),
  (userId) =>
    mutate(
      app,
      'updateUser',
      pick(clearableFields.map((name) => ({ userId, [name]: exampleProfile[name] }))),
    ),
  (userId) => mutate(app, 'updateUser', { userId, email: `${randomUUID()}@example.com` }),
  (userId) => mutate(app, 'updateEmailPreferences', { userId, marketing: pick([true, false]) }),
  (userId) => mutate(app, 'deactivateUser', { userId, reason: pick(['INACTIVITY', 'SECURITY_VIOLATION']) }),
  (userId) => mutate(app, 'reactivateUser', { userId }),
  (userId) => mutate(app, 'requestEmailVerification', { userId }),
  async (userId) => {
    const [requested] = await app.sql(
      `SELECT FROM outbox_events WHERE user_id = $1 AND type = 'UserEmailVerificationRequested' LIMIT 1`,
      [userId],
    );
    if (requested) await mutate(app, 'confirmEmail', { token: (await mailbox.last(userId)).token });
  },
];

interface Moment {
  readonly userId: string;
  readonly at: Date;
  readonly profile: unknown;
}

async function live(): Promise<Moment[]> {
  const before = await passingTime();
  const { id: userId } = await createUser(app);
  const moments: Moment[] = [{ userId, at: before, profile: null }];
  for (let deed = 0; deed < 8; deed += 1) {
    moments.push({ userId, profile: await presentProfile(userId), at: await passingTime() });
    await pick(deeds)(userId);
  }
  return moments;
}

it('profileAsOf returns what was recorded at 100 random moments of 50 random lives', async () => {
  const moments = (await Promise.all(Array.from({ length: 50 }, live))).flat();
  const chosen = Array.from({ length: 100 }, () => pick(moments));
  const rebuilt = await Promise.all(chosen.map(({ userId, at }) => profileAsOf(userId, at)));
  for (const [index, profile] of rebuilt.entries()) expect(profile).toEqual(chosen[index]?.profile);
  expect(new Set(chosen.map(({ profile }) => JSON.stringify(profile))).size).toBeGreaterThan(50);
});

describe('profileAsOf', () => {
  it('includes changes at that very instant', async () => {
    const { id, createdAt } = await createUser(app, { firstName: 'First' });
    const { user } = await mutate(app, 'updateUser', { userId: id, firstName: 'Second' });
    const at = Date.parse(user.updatedAt);
    expect(await profileAsOf(id, new Date(at))).toMatchObject({ firstName: 'Second', version: 2 });
    expect(await profileAsOf(id, new Date(at - 1))).toMatchObject({ firstName: 'First', version: 1 });
    expect(await profileAsOf(id, createdAt)).toMatchObject({ firstName: 'First', version: 1 });
    expect(await profileAsOf(id, new Date(Date.parse(createdAt) - 1))).toBeNull();
  });

  it('returns null for the future, for unknown and malformed ids, and after an erasure', async () => {
    const { id, createdAt } = await createUser(app);
    expect(await profileAsOf(id, new Date(Date.now() + 60_000))).toBeNull();
    expect(await profileAsOf(randomUUID(), createdAt)).toBeNull();
    expect(await profileAsOf('malformed', createdAt)).toBeNull();
    expect(await profileAsOf(id.toUpperCase(), createdAt)).not.toBeNull();
    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    await mutate(app, 'eraseUser', { userId: id }, officer);
    expect(await profileAsOf(id, createdAt)).toBeNull();
    expect(await profileAsOf(id, new Date())).toBeNull();
  });

  it('and changes are audited and for auditors only', async () => {
    const { id, createdAt } = await createUser(app);
    const reader = await app.token({ sub: `reader-${id}`, scope: 'users:audit' });
    await profileAsOf(id, createdAt, reader);
    await app.graphql(
      'query ($id: ID!) { auditTrail(userId: $id) { nodes { action changes { field before after } } } }',
      { id },
      { token: reader },
    );
    const entries = await app.sql<{ groups: unknown }>(
      'SELECT field_groups AS groups FROM audit_entries WHERE actor_id = $1 AND user_ids = ARRAY[$2::uuid] ORDER BY position',
      [`reader-${id}`, id],
    );
    expect(entries).toMatchObject([
      { groups: [{ fields: ['profileAsOf'] }] },
      { groups: [{ fields: ['auditTrail', 'auditTrail.changes'] }] },
    ]);
    for (const token of [app.staff, await app.token({ sub: id })]) {
      const { errors } = await app.graphql(
        `{ profileAsOf(userId: "${id}", at: "${createdAt}") { version } }`,
        {},
        { token },
      );
      expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    }
  });
});

describe('changes', () => {
  const changesOf = async (userId: string) => {
    const { data, errors } = await app.graphql(
      `query ($userId: ID!) { auditTrail(userId: $userId, first: 50) { nodes { action changes { field before after } } } }`,
      { userId },
      { token: auditor },
    );
    expect(errors).toEqual([]);
    return data.auditTrail.nodes.reverse();
  };

  it('has values before and after, with the parts of an address apart', async () => {
    const { id: userId } = await createUser(app, {
      address: { city: 'Ely', country: 'GB' },
      firstName: 'Ada',
    });
    await mutate(app, 'updateUser', {
      userId,
      address: { city: 'Ely', street: '1 High St' },
      displayName: 'A',
    });
    await mutate(app, 'updateUser', { userId, address: null });
    await mutate(app, 'deactivateUser', { userId, notes: 'asked by phone' });
    await mutate(
      app,
      'placeLegalHold',
      { userId, reason: 'dispute' },
      await app.token({ sub: 'o', scope: 'users:privacy' }),
    );
    const [created, ...later] = (await changesOf(userId)).filter(({ action }: any) => action !== 'USER_READ');
    expect(created.changes).toEqual(
      expect.arrayContaining([
        { field: 'address.city', before: null, after: 'Ely' },
        { field: 'firstName', before: null, after: 'Ada' },
        { field: 'status', before: null, after: 'ACTIVE' },
      ]),
    );
    expect(later.map(({ changes }: any) => changes)).toMatchObject([
      [
        { field: 'address.country', before: 'GB', after: null },
        { field: 'address.street', before: null, after: '1 High St' },
        { field: 'displayName', before: null, after: 'A' },
      ],
      [
        { field: 'address.city', before: 'Ely', after: null },
        { field: 'address.street', before: '1 High St', after: null },
      ],
      [
        { field: 'status', before: 'ACTIVE', after: 'DEACTIVATED' },
        { field: 'statusChangedAt' },
        { field: 'statusNotes', before: null, after: 'asked by phone' },
        { field: 'statusReason', before: null, after: 'ADMINISTRATIVE_ACTION' },
      ],
      null,
    ]);
  });

  it('is null for reads and once the user is erased, and in an export lacks the notes of staff', async () => {
    const { id: userId } = await createUser(app, { firstName: 'Ada' });
    await mutate(app, 'deactivateUser', { userId, notes: 'secret of staff' });
    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    const { export: exported } = await mutate(app, 'exportUserData', { userId }, officer);
    const accesses: { action: string; changes: { field: string }[] | null }[] = exported.document.accesses;
    expect(accesses.find(({ action }) => action === 'USER_CREATED')?.changes).toContainEqual({
      field: 'firstName',
      before: null,
      after: 'Ada',
    });
    expect(
      accesses.find(({ action }) => action === 'USER_DEACTIVATED')?.changes?.map(({ field }) => field),
    ).toEqual(['status', 'statusChangedAt', 'statusReason']);
    expect(JSON.stringify(accesses)).not.toContain('secret of staff');
    await changesOf(userId);
    expect((await changesOf(userId)).find(({ action }: any) => action === 'USER_READ').changes).toBeNull();
    await mutate(app, 'eraseUser', { userId }, officer);
    for (const { changes } of await changesOf(userId)) expect(changes).toBeNull();
  });
});

it('the trail of a user and its values are read by indexes among 20,000 entries', async () => {
  const { id: userId } = await createUser(app);
  await app.sql(
    `INSERT INTO audit_entries (id, at, actor_id, user_id, action, fields, user_ids, field_groups)
     SELECT gen_random_uuid(), now() - n * interval '1 second', 'staff', CASE WHEN n % 2 = 0 THEN gen_random_uuid() END,
       CASE WHEN n % 2 = 0 THEN 'USER_UPDATED' ELSE 'USER_READ' END, CASE WHEN n % 2 = 0 THEN ARRAY['email'] END,
       CASE WHEN n % 2 = 1 THEN ARRAY[gen_random_uuid(), gen_random_uuid()] END,
       CASE WHEN n % 2 = 1 THEN '[{"fields": ["email"], "lastPosition": 2}]'::jsonb END
     FROM generate_series(1, 20000) AS n`,
  );
  await app.sql('VACUUM ANALYZE audit_entries');
  const statements: ListStatement[] = [];
  const record = async (sql: string, parameters: unknown[]) => {
    if (sql.includes('audit_entries')) statements.push({ name: sql, sql, parameters });
    return [];
  };
  const recorder = Object.assign(Object.create(Database.prototype) as Database, { query: record });
  const repository = new AuditRepository(recorder);
  const at = '2026-01-01T00:00:00.000000Z';
  await repository.list(userId, { limit: 21, after: null });
  await repository.list(userId, { limit: 21, after: { at, id: userId } });
  await repository.listChangesAfter({ manager: recorder } as unknown as Transaction, userId, new Date(at));
  expect(statements).toHaveLength(3);
  for (const statement of statements) {
    const plan = printPlan(await planOf(app.sql, statement, 'COSTS OFF'));
    expect(plan).not.toContain('Seq Scan audit_');
  }
});
