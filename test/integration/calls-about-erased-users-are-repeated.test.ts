import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { buildUser, mutate } from '../testkit/users';

let app: TestApp;
let officer: string;
beforeAll(async () => {
  app = await startTestApp();
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
});
afterAll(() => app.stop());

const erase = (userId: string) => mutate(app, 'eraseUser', { userId }, officer);
const countUsers = async (email: unknown) =>
  (await app.sql('SELECT 1 FROM users WHERE email = $1', [email])).length;

describe('createUser repeated with its key', () => {
  it('after the erasure of its user returns UserIdTakenError and creates no user', async () => {
    const input = buildUser({ idempotencyKey: randomUUID() });
    const { user } = await mutate(app, 'createUser', input);
    expect(await erase(user.id)).toMatchObject({ erasure: { status: 'COMPLETED' } });
    for (const repeated of [input, { ...input, firstName: 'Augusta' }])
      expect(await mutate(app, 'createUser', repeated)).toMatchObject({ __typename: 'UserIdTakenError' });
    expect(await countUsers(input.email)).toBe(0);
    expect(await mutate(app, 'createUser', { ...input, idempotencyKey: randomUUID() })).toMatchObject({
      __typename: 'CreateUserSuccess',
    });
  });

  it('during the erasure of its user returns UserIdTakenError', async () => {
    const input = buildUser({ idempotencyKey: randomUUID() });
    const { user } = await mutate(app, 'createUser', input);
    const holder = new Client({ connectionString: app.databaseUrl });
    await holder.connect();
    // Erased after the first transaction: the erasure cannot complete while this row is locked.
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM idempotency_keys WHERE user_id = $1 FOR UPDATE', [user.id]);
    try {
      expect(await erase(user.id)).toMatchObject({ erasure: { status: 'RUNNING' } });
      expect(await mutate(app, 'createUser', input)).toMatchObject({ __typename: 'UserIdTakenError' });
    } finally {
      await holder.end();
    }
    await eventually(async () =>
      expect(await app.sql('SELECT status FROM erasures WHERE user_id = $1', [user.id])).toEqual([
        { status: 'COMPLETED' },
      ]),
    );
    expect(await mutate(app, 'createUser', input)).toMatchObject({ __typename: 'UserIdTakenError' });
    expect(await countUsers(input.email)).toBe(0);
  });
});

it('updateUser repeated with its key after the erasure returns UserNotFoundError', async () => {
  const { user } = await mutate(app, 'createUser', buildUser());
  const input = { userId: user.id, firstName: 'Augusta', idempotencyKey: randomUUID() };
  await mutate(app, 'updateUser', input);
  await erase(user.id);
  expect(await mutate(app, 'updateUser', input)).toMatchObject({ __typename: 'UserNotFoundError' });
});

it('an erasure keeps the digest of a key, and deletes the keys of the erased user’s own calls', async () => {
  const { user } = await mutate(app, 'createUser', buildUser({ idempotencyKey: randomUUID() }));
  const own = await app.token({ sub: user.id });
  await mutate(app, 'updateUser', { userId: user.id, firstName: 'B', idempotencyKey: randomUUID() }, own);
  const rows = () => app.sql('SELECT * FROM idempotency_keys ORDER BY created_at DESC');
  const [, created] = await rows();
  await erase(user.id);
  const [left, ...older] = await rows();
  expect(left).toEqual({
    ...created,
    input_digest: '',
    user_id: null,
    outcome: 'USER_ERASED',
  });
  expect(older).not.toContainEqual(expect.objectContaining({ actor_id: user.id }));
});

it('createUser returns UserIdTakenError for an id whose erasure commits while the user is inserted', async () => {
  const { user } = await mutate(app, 'createUser', buildUser({ userId: randomUUID() }));
  // Publishing would also wait for the rows that are deleted here.
  const unpublished = 'SELECT 1 FROM outbox_events WHERE published_at IS NULL';
  await eventually(async () => expect(await app.sql(unpublished)).toEqual([]));
  const erasure = new Client({ connectionString: app.databaseUrl });
  await erasure.connect();
  try {
    await erasure.query('BEGIN');
    await erasure.query('DELETE FROM users WHERE id = $1', [user.id]);
    for (const table of ['audit_keys', 'outbox_events', 'user_history'])
      await erasure.query(`DELETE FROM ${table} WHERE user_id = $1`, [user.id]);
    await erasure.query(
      'INSERT INTO erased_users (user_id, erased_at, erasure_id) VALUES ($1, now(), gen_random_uuid())',
      [user.id],
    );
    const input = buildUser({ userId: user.id });
    const creating = mutate(app, 'createUser', input);
    await eventually(async () => {
      const { rows } = await erasure.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
      );
      expect(rows).not.toEqual([]);
    });
    await erasure.query('COMMIT');
    expect(await creating).toMatchObject({ __typename: 'UserIdTakenError' });
    expect(await countUsers(input.email)).toBe(0);
  } finally {
    await erasure.end();
  }
});
