import { Client } from 'pg';
import { openDatabase } from '../../src/data-source';
import type { Database } from '../../src/postgres/database';
import { UserDataExport } from '../../src/privacy/user-data-export';
import { createServiceLog } from '../../src/service-log';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { createUser } from '../testkit/users';

let app: TestApp;
let database: Database;
beforeAll(async () => {
  app = await startTestApp();
  database = openDatabase(app.databaseUrl, createServiceLog({ level: 'silent' }), 1);
  await database.connect();
});
afterAll(async () => {
  await database.close();
  await app.stop();
});

const sleepers = () =>
  app.sql(`SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'`);

it('exportUserData reads nothing more and audits no export once its client has disconnected', async () => {
  const { id } = await createUser(app);
  const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
  const exporting = jest.spyOn(UserDataExport.prototype, 'export');
  const holder = new Client({ connectionString: app.databaseUrl });
  await holder.connect();
  try {
    await holder.query('BEGIN; LOCK TABLE audit_keys IN ACCESS EXCLUSIVE MODE');
    const client = new AbortController();
    const query = `mutation { exportUserData(input: { userId: "${id}" }) { __typename } }`;
    fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${officer}` },
      body: JSON.stringify({ query }),
      signal: client.signal,
    }).catch(() => undefined);
    await eventually(async () => {
      const { rows } = await holder.query(
        `SELECT FROM pg_locks WHERE NOT granted AND relation = 'audit_keys'::regclass`,
      );
      expect(rows).toHaveLength(1);
    });
    client.abort();
    await eventually(() => expect(exporting.mock.calls[0]?.[2]?.aborted).toBe(true));
    await holder.query('COMMIT');
    await expect(exporting.mock.results[0]?.value).rejects.toThrow();
  } finally {
    exporting.mockRestore();
    await holder.end();
  }
  expect(await app.sql(`SELECT FROM audit_entries WHERE action = 'USER_DATA_EXPORTED'`)).toEqual([]);
});

describe('Database.query with a signal', () => {
  it('cancels the running statement on the server', async () => {
    const controller = new AbortController();
    const query = database.query('SELECT pg_sleep(2.4)', [], controller.signal);
    query.catch(() => undefined);
    await eventually(async () => expect(await sleepers()).toHaveLength(1));
    const startedAt = performance.now();
    controller.abort(new Error('abandoned'));
    await expect(query).rejects.toThrow('abandoned');
    await eventually(async () => expect(await sleepers()).toEqual([]));
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('does not send a statement that waits for a connection', async () => {
    await app.sql('CREATE TABLE sent (one int)');
    const running = database.query('SELECT pg_sleep(0.3)');
    const controller = new AbortController();
    const waiting = database.query('INSERT INTO sent VALUES (1) RETURNING one', [], controller.signal);
    waiting.catch(() => undefined);
    await eventually(() => expect(database.poolCounts().waiting).toBe(1));
    controller.abort(new Error('abandoned'));
    await running;
    await expect(waiting).rejects.toThrow('abandoned');
    expect(await database.query('SELECT one FROM sent')).toEqual([]);
  });
});
