import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { startTestApp, type TestApp } from '../testkit/app';
import { auditTrailOf } from '../testkit/audit';
import { eventually } from '../testkit/eventually';
import { createTestDatabase, serverUrlOf, type TestDatabase } from '../testkit/test-database';
import { createUser, mutate } from '../testkit/users';

const role = `user_service_app_${randomBytes(4).toString('hex')}`;
const insufficientPrivilege = '42501';

let database: TestDatabase;
let owner: Client;
let application: Client;
let app: TestApp;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new Client({ connectionString: database.url });
  await owner.connect();
  const password = randomBytes(12).toString('hex');
  await owner.query(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
  const grants = readFileSync('docs/application-role.sql', 'utf8').replaceAll('user_service_app', role);
  await owner.query(grants);
  await owner.query(grants);
  const url = new URL(serverUrlOf(database.url));
  url.username = role;
  url.password = password;
  application = new Client({ connectionString: url.href });
  await application.connect();
  app = await startTestApp({ config: { databaseUrl: url.href } });
});
afterAll(async () => {
  await app.stop();
  await application.end();
  await owner.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  await owner.end();
  await database.drop();
});

it('the service works under a role that owns no table', async () => {
  const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
  const { id: userId } = await createUser(app);
  await mutate(app, 'updateUser', { userId, displayName: 'Ada' });
  await mutate(app, 'placeLegalHold', { userId, reason: 'a dispute' }, officer);
  await mutate(app, 'releaseLegalHold', { userId, reason: 'settled' }, officer);
  const { erasure } = await mutate(app, 'eraseUser', { userId }, officer);
  expect(erasure).toMatchObject({ status: 'COMPLETED' });
  expect((await auditTrailOf(app, userId)).map(({ action }) => action)).toContain('USER_ERASED');
  // Publishing and sealing work as well. A replica seals when it starts.
  const replica = await startTestApp({ replicaOf: app });
  await eventually(
    async () => {
      expect(await app.sql('SELECT 1 FROM outbox_events WHERE published_at IS NULL')).toEqual([]);
      expect(await app.sql('SELECT 1 FROM audit_unsealed')).toEqual([]);
      expect((await app.sql('SELECT 1 FROM audit_seals')).length).toBeGreaterThan(0);
    },
    { timeoutMs: 20_000 },
  );
  await replica.stop();
  const failed = [...app.logged, ...replica.logged].filter(({ code }) => code === insufficientPrivilege);
  expect(failed).toEqual([]);
});

it.each([
  'UPDATE audit_entries SET reason = null',
  'DELETE FROM audit_entries',
  'TRUNCATE audit_entries',
  'ALTER TABLE audit_entries DISABLE TRIGGER ALL',
  'ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_append_only',
  'DROP TRIGGER audit_entries_append_only ON audit_entries',
  'DROP TABLE audit_entries',
  'UPDATE audit_seals SET sealed_at = now()',
  'DELETE FROM audit_seals',
  'TRUNCATE audit_seals',
  'ALTER TABLE audit_seals DISABLE TRIGGER ALL',
  `SET session_replication_role = 'replica'`,
  'CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$',
  'DELETE FROM erased_users',
  'UPDATE erased_users SET erased_at = now()',
  'TRUNCATE erased_users',
  'DELETE FROM erasures',
  'TRUNCATE erasures',
  `DELETE FROM schema_migrations`,
])('PostgreSQL denies the application role: %s', async (statement) => {
  await expect(application.query(statement)).rejects.toMatchObject({ code: insufficientPrivilege });
});

it.each(['UPDATE audit_entries SET reason = null', 'DELETE FROM audit_seals', 'TRUNCATE audit_entries'])(
  'a trigger rejects the owner: %s',
  async (statement) => {
    await expect(owner.query(statement)).rejects.toThrow(/append-only/);
  },
);
