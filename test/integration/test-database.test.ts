import { Client } from 'pg';
import { createTestDatabase, serverUrlOf } from '../testkit/test-database';
import { newAmqpPrefix, newRedisPrefix } from '../testkit/test-run';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test('createTestDatabase creates a separate database, and drop closes its connections', async () => {
  const [mine, yours] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  await query(mine.url, 'CREATE TABLE notes (note text)');
  expect(await query(yours.url, "SELECT to_regclass('notes') AS notes")).toEqual([{ notes: null }]);

  const lingering = new Client({ connectionString: serverUrlOf(mine.url) });
  lingering.on('error', () => undefined);
  await lingering.connect();
  await Promise.all([mine.drop(), yours.drop()]);
  await expect(query(serverUrlOf(mine.url), 'SELECT 1')).rejects.toThrow('does not exist');
  await expect(lingering.query('SELECT 1')).rejects.toThrow();
});

test.each([newRedisPrefix, newAmqpPrefix])(
  '$name returns a new prefix with the name of the run',
  (newPrefix) => {
    expect(newPrefix()).not.toBe(newPrefix());
    expect(newPrefix()).toContain(process.env['TEST_RUN'] ?? 'absent');
  },
);
