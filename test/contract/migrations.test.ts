import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { findDrift } from '../../scripts/check-migrations';
import { createDataSource } from '../../src/data-source';
import { dumpSchema } from '../testkit/schema-dump';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(() => database.drop());

async function withDataSource<T>(
  work: (dataSource: ReturnType<typeof createDataSource>) => Promise<T>,
): Promise<T> {
  const dataSource = createDataSource({
    url: database.url,
    log: pino({ level: 'silent' }),
    deadlines: false,
  });
  await dataSource.initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

it('the migrations create the schema that the entities describe', async () => {
  expect(await findDrift(database.url)).toEqual([]);
});

it.each([
  ['a column', 'ALTER TABLE users ADD COLUMN nickname text', 'DROP COLUMN "nickname"'],
  ['a type', 'ALTER TABLE users ALTER COLUMN display_name TYPE varchar(50)', '"display_name"'],
  [
    'a constraint',
    'ALTER TABLE users DROP CONSTRAINT users_email_normalized_key',
    'UNIQUE ("email_normalized")',
  ],
  ['an index', 'DROP INDEX users_created_at_id_idx', 'users_created_at_id_idx'],
])('findDrift reports %s in which entities and migrations differ', async (_what, change, finding) => {
  await withDataSource((dataSource) => dataSource.query(change));
  expect((await findDrift(database.url)).join('\n')).toContain(finding);
});

it('the migrations create the tables, indexes, constraints, triggers and functions of the printed schema', async () => {
  await withDataSource(async (dataSource) => {
    const schema = await dumpSchema(dataSource);
    const file = process.env['SCHEMA_FILE'];
    if (file) writeFileSync(file, schema);
    expect(schema).toBe(readFileSync(join(__dirname, '../plans/schema.txt'), 'utf8'));
  });
});

it('undoing each migration leaves the schema from before it, and no table at the end', async () => {
  await withDataSource(async (dataSource) => {
    const undone: string[] = [];
    for (const _migration of dataSource.migrations) {
      await dataSource.undoLastMigration();
      undone.unshift(await dumpSchema(dataSource));
    }
    expect(undone[0]).toBe('');
    const runner = dataSource.createQueryRunner();
    const before: string[] = [];
    for (const migration of dataSource.migrations) {
      before.push(await dumpSchema(dataSource));
      await migration.up(runner);
    }
    await runner.release();
    for (const [at, { name = '' }] of dataSource.migrations.entries())
      expect([name, undone[at]]).toEqual([name, before[at]]);
  });
});

it('a migration fills in the users and orders that parked messages name', async () => {
  await withDataSource(async (dataSource) => {
    const names = dataSource.migrations.map(({ name = '' }) => name);
    const migration = names.findIndex((name) => name.startsWith('NameUsersOfParkedMessages'));
    for (const _later of names.slice(migration)) await dataSource.undoLastMigration();
    const [one, other] = ['01975a5e-1111-7000-8000-0000000000ad', '01975a5e-1111-7000-8000-0000000000ae'];
    const body = `\u00ff{"payer":"${one.toUpperCase()}","orderId": "No. 7, a","inner":{"orderId":8}}`;
    await dataSource.query(
      `INSERT INTO parked_messages (id, fingerprint, reason, detail, exchange, routing_key, headers, body, attempts)
       VALUES ($1, 'f', 'INVALID_TIME', '', '', '', $2, $3, 1)`,
      [one, { 'x-payer': other }, Buffer.from(body)],
    );
    await dataSource.runMigrations();
    const [row] = await dataSource.query<{ users: string[]; orders: string[] }[]>(
      'SELECT named_user_ids AS users, named_order_ids AS orders FROM parked_messages',
    );
    expect(new Set(row?.users)).toEqual(new Set([one, other]));
    expect(new Set(row?.orders)).toEqual(new Set(['8', 'No. 7, a']));
  });
});

it('a migration fills in the digests of addresses and numbers in messages that version 1.0 parked', async () => {
  await withDataSource(async (dataSource) => {
    const names = dataSource.migrations.map(({ name = '' }) => name);
    const first = names.findIndex((name) => name.startsWith('BoundParkedMessages'));
    for (const _later of names.slice(first)) await dataSource.undoLastMigration();
    const bodies = [
      'payment of Ada@Example.com failed, call +49 30 901-820',
      '{"payer":{"mail":"jos\\u00e9\\u0040example.com"},"phone":"4930901821"}',
      JSON.stringify({ data_base64: Buffer.from('{"mail":"bob@example.com"}').toString('base64') }),
      Buffer.concat([Buffer.from([0xff, 0, 0xfe]), Buffer.from('<eve@example.com>')]),
      'of no user',
      '['.repeat(20_000),
      // More than one page.
      ...Array.from({ length: 10 }, (_, at) => `of user${at}@example.com`),
    ];
    for (const body of bodies)
      await dataSource.query(
        `INSERT INTO parked_messages (id, fingerprint, reason, detail, exchange, routing_key, headers, body, attempts)
         VALUES (gen_random_uuid(), $1::bytea::text, 'INVALID_TIME', '', '', '', '{"x-mail": "ops@example.com"}', $1, 1)`,
        [Buffer.from(body as string)],
      );
    await dataSource.runMigrations();
    const rows = await dataSource.query<{ body: Buffer; digests: string[] }[]>(
      'SELECT body, named_contacts AS digests FROM parked_messages',
    );
    const digest = (contact: string) => createHash('sha256').update(contact).digest('hex');
    const digestsOf = (at: number) =>
      rows.find(({ body }) => body.equals(Buffer.from(bodies[at] as string)))?.digests;
    const ops = digest('ops@example.com');
    expect(digestsOf(0)).toEqual([digest('ada@example.com'), digest('+4930901820'), ops]);
    expect(new Set(digestsOf(1))).toEqual(new Set([digest('josé@example.com'), digest('+4930901821'), ops]));
    expect(digestsOf(2)).toEqual([digest('bob@example.com'), ops]);
    expect(digestsOf(3)).toEqual([digest('eve@example.com'), ops]);
    expect(digestsOf(4)).toEqual([ops]);
    expect(digestsOf(5)).toEqual([ops]);
    for (let at = 6; at < bodies.length; at += 1)
      expect(digestsOf(at)).toEqual([digest(`user${at - 6}@example.com`), ops]);
  });
});

it('a migration counts the orders of each total, and one more for those whose entries retention has deleted', async () => {
  await withDataSource(async (dataSource) => {
    const names = dataSource.migrations.map(({ name = '' }) => name);
    const migration = names.findIndex((name) => name.startsWith('CountCancelledOrders'));
    for (const _later of names.slice(migration)) await dataSource.undoLastMigration();
    const [whole, cut] = ['01975a5e-1111-7000-8000-0000000000ad', '01975a5e-1111-7000-8000-0000000000ae'];
    for (const id of [whole, cut]) {
      await dataSource.query(
        `INSERT INTO users (id, email, email_normalized, username, username_normalized, first_name, last_name,
           first_name_normalized, last_name_normalized, status, status_changed_at, version, revision, created_at, updated_at)
         VALUES ($1::uuid, $1::text, $1::text, $1::text, $1::text, 'A', 'B', 'a', 'b', 'ACTIVE', now(), 1, 1, now(), now())`,
        [id],
      );
      await dataSource.query('INSERT INTO user_commerce (user_id, history_is_cut) VALUES ($1, $2)', [
        id,
        id === cut,
      ]);
      for (const currency of ['EUR', 'USD'])
        await dataSource.query('INSERT INTO user_spending (user_id, currency, amount) VALUES ($1, $2, 3)', [
          id,
          currency,
        ]);
      for (const currency of ['EUR', 'EUR', 'USD'])
        await dataSource.query(
          `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
           VALUES (gen_random_uuid(), $1, 'ORDER_PLACED', now(), now(), '/orders', gen_random_uuid()::text, '', $2)`,
          [id, { orderId: 'o', total: { amount: '1', currency } }],
        );
    }
    await dataSource.runMigrations();
    expect(
      await dataSource.query(
        'SELECT user_id, currency, order_count FROM user_spending ORDER BY user_id, currency',
      ),
    ).toEqual([
      { user_id: whole, currency: 'EUR', order_count: 2 },
      { user_id: whole, currency: 'USD', order_count: 1 },
      { user_id: cut, currency: 'EUR', order_count: 3 },
      { user_id: cut, currency: 'USD', order_count: 2 },
    ]);
  });
});
