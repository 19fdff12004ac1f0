import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { erasuresFileIn, readStreamFile, StreamFile } from '../../src/rabbitmq/stream-file';
import { startTestApp, type TestApp } from '../testkit/app';
import { type CommandLine, openCommandLine } from '../testkit/command';
import { eventually } from '../testkit/eventually';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { createUser, mutate } from '../testkit/users';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'user-service-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const linesOf = (path: string) =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('the service without RabbitMQ', () => {
  it('writes every UserErased, and no other event, to a file in its data directory', async () => {
    const app = await startTestApp({ config: { amqpUrl: null, dataDirectory: directory } });
    try {
      const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
      const ids: string[] = [];
      for (let count = 0; count < 3; count += 1) ids.push((await createUser(app)).id);
      for (const userId of ids) await mutate(app, 'eraseUser', { userId }, officer);
      await eventually(() => {
        const lines = linesOf(erasuresFileIn(directory));
        expect(new Set(lines.map(({ type, data }) => `${type} ${data.userId}`))).toEqual(
          new Set(ids.map((id) => `UserErased ${id}`)),
        );
      });
    } finally {
      await app.stop();
    }
  });

  describe('StreamFile', () => {
    const append = (file: StreamFile, ...documents: unknown[]) =>
      Promise.all(documents.map((it) => file.append(Buffer.from(JSON.stringify(it)))));
    const documentsIn = async (path: string) => {
      const documents: unknown[] = [];
      await readStreamFile(path, (text) => void documents.push(JSON.parse(text)));
      return documents;
    };

    it.each(['{', '{"b"', '{"b":"', '{"b":{}', '\u0018'])(
      'skips the incomplete line %j of a crash and of a failed append',
      async (torn) => {
        const path = erasuresFileIn(directory);
        writeFileSync(path, `{"a":1}\n${torn}`);
        const file = new StreamFile(path);
        await append(file, { c: 2 }, { c: 3 });
        appendFileSync(path, torn);
        await append(file, { c: 4 });
        expect(await documentsIn(path)).toEqual([{ a: 1 }, { c: 2 }, { c: 3 }, { c: 4 }]);
        expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
      },
    );

    it('keeps the lines of another process that appends at the same time', async () => {
      const path = erasuresFileIn(directory);
      const text = 'x'.repeat(300);
      const first = Array.from({ length: 2_000 }, (_, a) => ({ a, text }));
      writeFileSync(path, first.map((it) => `${JSON.stringify(it)}\n`).join(''));
      const later = Array.from({ length: 20 }, (_, b) => ({ b, text }));
      const one = new StreamFile(path);
      await append(one, { text });
      await Promise.all([append(one, ...later), append(new StreamFile(path), { c: 1 })]);
      const documents = await documentsIn(path);
      expect(documents).toHaveLength(first.length + later.length + 2);
      expect(documents).toEqual(expect.arrayContaining([...later, { c: 1 }]));
    });
  });
});

describe('the erase command', () => {
  let commands: CommandLine;
  let database: TestDatabase;
  let app: TestApp;
  let officer: string;

  beforeAll(async () => {
    commands = openCommandLine();
    database = await createTestDatabase();
    app = await startTestApp({ config: { databaseUrl: database.url } });
    officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
  });
  afterAll(async () => {
    await app.stop();
    await database.drop();
    await commands.close();
  });

  const run = (...args: string[]) => commands.run(['erase', ...args], { DATABASE_URL: database.url });
  const entry = (userId: string) => JSON.stringify({ userId, erasedAt: '2026-03-01T00:00:00Z' });
  const isStored = async (id: string) =>
    (await app.sql('SELECT 1 FROM users WHERE id = $1', [id])).length === 1;

  it('--replay-ledger erases the users of its own file once, also when it runs again', async () => {
    const { id } = await createUser(app);
    const unknownId = uuidv7();
    const own = join(commands.checkout, '.data');
    mkdirSync(own, { recursive: true });
    writeFileSync(erasuresFileIn(own), `${entry(id)}\n\n${entry(unknownId)}\n`);

    expect(await run('--replay-ledger', '--dry-run')).toMatchObject({
      code: 0,
      stdout: '2 read, 1 to be erased again, 1 to be recorded as erased, 0 already erased\n',
    });
    expect(await isStored(id)).toBe(true);
    expect(await run('--replay-ledger')).toMatchObject({
      code: 0,
      stdout: '2 read, 1 erased again, 1 recorded as erased, 0 already erased\n',
    });
    expect(await isStored(id)).toBe(false);
    const again = await run('--replay-ledger', '--json');
    expect(JSON.parse(again.stdout)).toEqual({
      read: 2,
      users: 2,
      erasedAgain: 0,
      recorded: 0,
      alreadyErased: 2,
      held: 0,
      unreadable: 0,
    });
  });

  it('--print-ledger prints the erased users as a file that --replay-ledger reads', async () => {
    const { id } = await createUser(app);
    await mutate(app, 'eraseUser', { userId: id }, officer);
    const printed = await run('--print-ledger');
    const lines = printed.stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toContainEqual({
      userId: id,
      erasedAt: expect.any(String),
    });
    expect(printed.stderr).toContain(`${lines.length} erased`);

    const file = join(directory, 'ledger.ndjson');
    writeFileSync(file, printed.stdout);
    expect(await run('--replay-ledger', file)).toMatchObject({
      code: 0,
      stdout: `${lines.length} read, 0 erased again, 0 recorded as erased, ${lines.length} already erased\n`,
    });
  });

  it('--replay-ledger exits with 1 after an unreadable line, having erased the others, and without a file', async () => {
    const { id } = await createUser(app);
    const file = join(directory, 'ledger.ndjson');
    writeFileSync(file, `{"userId":"me"}\n${entry(id)}\n`);
    expect(await run('--replay-ledger', file)).toMatchObject({
      code: 1,
      stdout: '2 read, 1 erased again, 0 recorded as erased, 0 already erased, 1 unreadable\n',
    });
    expect(await isStored(id)).toBe(false);
    expect(await run('--replay-ledger', join(directory, 'none'))).toMatchObject({ code: 1, stdout: '' });
  });

  it('exits with 2 without arguments and with conflicting ones', async () => {
    expect(await run()).toMatchObject({ code: 2, stdout: '' });
    expect(await run(uuidv7(), '--print-ledger')).toMatchObject({ code: 2, stdout: '' });
  });
});
