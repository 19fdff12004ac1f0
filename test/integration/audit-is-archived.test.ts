import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { ArchiveVerification } from '../../src/audit/archive-verification';
import { AuditArchiver, NotOwnerError } from '../../src/audit/audit-archiver';
import { AuditSealer } from '../../src/audit/audit-sealer';
import { AuditVerification } from '../../src/audit/audit-verification';
import { openDatabase } from '../../src/data-source';
import { Outbox } from '../../src/outbox/outbox';
import type { Database } from '../../src/postgres/database';
import { startTestApp, type TestApp } from '../testkit/app';
import { type CommandLine, openCommandLine } from '../testkit/command';
import { serverUrlOf } from '../testkit/test-database';
import { createUser, mutate } from '../testkit/users';

const directory = mkdtempSync(join(tmpdir(), 'audit-archive-'));
const log = pino({ level: 'silent' });
let app: TestApp;
let database: Database;
let archiver: AuditArchiver;
let auditor: string;
let commands: CommandLine;
beforeAll(async () => {
  app = await startTestApp();
  database = openDatabase(app.databaseUrl, log, 2);
  await database.connect();
  archiver = new AuditArchiver(database);
  auditor = await app.token({ sub: 'auditor', scope: 'users:audit' });
  commands = openCommandLine();
});
afterAll(async () => {
  await commands.close();
  await database.close();
  await app.stop();
  rmSync(directory, { recursive: true });
});

let files = 0;
const newFile = () => join(directory, `${(files += 1)}.ndjson`);

/** Seals all entries, in one seal each time it is called. */
const seal = () =>
  new AuditSealer({ database, outbox: new Outbox(), log }).sealAll(new AbortController().signal);
const query = <Row>(sql: string, parameters: unknown[]) => app.sql<Row>(sql, parameters);
const verify = (head?: { number: string; hash: string }) =>
  new AuditVerification(query, head ? { head } : {}).run();
const verifyFile = (path: string) => new ArchiveVerification(query).run(path);
const nothing = new Set<string>();

/** The time of the clock, which has passed when this resolves. */
async function passingTime(): Promise<Date> {
  const at = Date.now();
  while (Date.now() <= at) await new Promise(setImmediate);
  return new Date(at);
}

async function change(count: number): Promise<string> {
  const { id: userId } = await createUser(app);
  for (let n = 1; n < count; n += 1) await mutate(app, 'updateUser', { userId, displayName: `Name ${n}` });
  return userId;
}

async function ask(document: string): Promise<{ data: any; code: unknown }> {
  const { data, errors } = await app.graphql(document, {}, { token: auditor });
  return { data, code: errors[0]?.extensions.code };
}

describe('audit archive', () => {
  it('moves entries from before its cut to files that link to each other, and keeps those at the cut', async () => {
    const first = await change(4);
    await seal();
    const second = await change(2);
    const { user } = await mutate(app, 'updateUser', { userId: second, displayName: 'at the cut' });
    const cutAt = new Date(user.updatedAt);
    // One seal has entries from before the cut and one at it.
    await seal();
    const before = await verify();
    expect(before.broken).toEqual(nothing);

    const one = newFile();
    const archived = await archiver.archive({ cutAt, path: one });
    expect(archived).toEqual({
      entries: expect.any(Number),
      seals: expect.any(Number),
      digest: expect.any(String),
    });
    // The service seals, too, so the number of seals varies.
    expect(archived.seals).toBeGreaterThanOrEqual(1);
    expect(archived.entries).toBeGreaterThanOrEqual(6);
    const stayed = await verify();
    expect(stayed).toMatchObject({
      rows: before.rows - archived.entries,
      seals: before.seals - archived.seals,
      broken: nothing,
    });
    expect(await verifyFile(one)).toMatchObject({
      rows: archived.entries,
      seals: expect.any(Number),
      erased: 0,
      broken: nothing,
    });
    expect(await app.sql('SELECT FROM audit_entries WHERE user_id = $1', [first])).toEqual([]);
    expect(await app.sql('SELECT FROM audit_entries WHERE user_id = $1', [second])).toHaveLength(1);

    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    await mutate(app, 'eraseUser', { userId: first, reason: 'a letter\u2028of today' }, officer);
    await seal();
    const two = newFile();
    const all = await archiver.archive({ cutAt: await passingTime(), path: two });
    expect(await verify()).toMatchObject({ rows: 0, seals: 0, broken: nothing });
    expect(await verifyFile(two)).toMatchObject({ rows: all.entries, broken: nothing });
    // The values of the erased user are unreadable in the file, too.
    expect(await verifyFile(one)).toMatchObject({ rows: archived.entries, erased: 1, broken: nothing });

    const [last] = await app.sql<{ number: string; hash: string }>(
      `SELECT last_seal::text AS number, encode(last_hash, 'hex') AS hash FROM audit_archives ORDER BY archived_at DESC LIMIT 1`,
    );
    await change(3);
    await seal();
    expect(await verify(last)).toMatchObject({ seals: expect.any(Number), broken: nothing });
    expect(await verifyFile(two)).toMatchObject({ broken: nothing });
  });

  it('makes BAD_USER_INPUT of times before its cut, and keeps later profiles', async () => {
    const { id: userId, createdAt } = await createUser(app, { displayName: 'One' });
    await mutate(app, 'updateUser', { userId, displayName: 'Two' });
    const trail = `auditTrail(userId: "${userId}", first: 1`;
    const { data } = await ask(`{ ${trail}) { pageInfo { endCursor } } }`);
    const cutAt = await passingTime();
    await mutate(app, 'updateUser', { userId, displayName: 'Three' });
    await seal();
    await archiver.archive({ cutAt, path: newFile() });
    const profileAt = (at: string) =>
      ask(`{ profileAsOf(userId: "${userId}", at: "${at}") { displayName version } }`);
    expect((await profileAt(createdAt)).code).toBe('BAD_USER_INPUT');
    expect((await profileAt(new Date(cutAt.getTime() - 1).toISOString())).code).toBe('BAD_USER_INPUT');
    expect((await profileAt(cutAt.toISOString())).data.profileAsOf).toEqual({
      displayName: 'Two',
      version: 2,
    });
    expect((await profileAt(new Date().toISOString())).data.profileAsOf).toEqual({
      displayName: 'Three',
      version: 3,
    });
    const cursor = data.auditTrail.pageInfo.endCursor as string;
    expect((await ask(`{ ${trail}, after: "${cursor}") { nodes { id } } }`)).code).toBe('BAD_USER_INPUT');
    expect((await ask(`{ ${trail}) { nodes { action } } }`)).code).toBeUndefined();
  });

  it('leaves files in which any change shows', async () => {
    await change(3);
    await seal();
    await archiver.archive({ cutAt: await passingTime(), path: newFile() });
    await change(3);
    await seal();
    const path = newFile();
    await archiver.archive({ cutAt: await passingTime(), path });
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(5);
    const changed = newFile();
    for (let at = 0; at < lines.length; at += 1) {
      const line = lines[at] as string;
      for (const text of [
        lines.toSpliced(at, 1),
        lines.toSpliced(at, 0, line),
        lines.with(at, line.replace(/"(action|hash|cutAt|previousSeal)":"?[^,]/, '$&7')),
      ]) {
        writeFileSync(changed, `${text.join('\n')}\n`);
        expect((await verifyFile(changed)).broken.size).toBeGreaterThan(0);
      }
    }
    expect((await verifyFile(path)).broken).toEqual(nothing);
  });

  it('leaves a chain in which a removed and a restored entry show', async () => {
    const userId = await change(2);
    const cutAt = await passingTime();
    await mutate(app, 'updateUser', { userId, displayName: 'later' });
    await seal();
    const [old] = await app.sql<{ id: string }>(
      `SELECT id FROM audit_entries WHERE user_id = $1 AND action = 'USER_CREATED'`,
      [userId],
    );
    await app.sql('CREATE TABLE kept AS SELECT * FROM audit_entries WHERE user_id = $1', [userId]);
    const path = newFile();
    await archiver.archive({ cutAt, path });
    const tamper = (statement: string) =>
      app.sql(`DO $$ BEGIN PERFORM set_config('user_service.archiving', 'on', true); ${statement}; END $$`);
    await tamper(
      `INSERT INTO audit_entries OVERRIDING SYSTEM VALUE SELECT * FROM kept WHERE id = '${old?.id}'`,
    );
    expect((await verifyFile(path)).broken).toEqual(new Set([`entry ${old?.id}`]));
    await tamper(`DELETE FROM audit_entries WHERE id = '${old?.id}'`);
    expect((await verify()).broken).toEqual(nothing);
    const [later] = await app.sql<{ id: string }>('SELECT id FROM audit_entries WHERE user_id = $1', [
      userId,
    ]);
    await tamper(`DELETE FROM audit_entries WHERE id = '${later?.id}'`);
    expect((await verify()).broken).toEqual(new Set([`entry ${later?.id}`]));
    await tamper(
      `INSERT INTO audit_entries OVERRIDING SYSTEM VALUE SELECT * FROM kept WHERE id = '${later?.id}'`,
    );
    expect((await verify()).broken).toEqual(nothing);
    // Without the setting of an archive, the owner cannot remove entries either.
    await expect(app.sql('DELETE FROM audit_entries')).rejects.toThrow('append-only');
    await expect(app.sql('DELETE FROM audit_archives')).rejects.toThrow('append-only');
  });

  it('needs the role of the owner and removes nothing without it', async () => {
    const role = `archiver_${process.pid}`;
    await app.sql(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
    await app.sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`);
    const url = new URL(serverUrlOf(app.databaseUrl));
    url.username = role;
    url.password = 'secret';
    const limited = openDatabase(url.href, log, 1);
    try {
      await limited.connect();
      const attempt = new AuditArchiver(limited).archive({ cutAt: new Date(), path: newFile() });
      await expect(attempt).rejects.toBeInstanceOf(NotOwnerError);
      const removal = limited.transaction(async (tx) => {
        await tx.manager.query(`SELECT set_config('user_service.archiving', 'on', true)`);
        await tx.manager.query('DELETE FROM audit_entries');
      });
      await expect(removal).rejects.toThrow('append-only');
      const env = { DATABASE_URL: url.href };
      const result = await commands.run(
        ['audit', 'archive', newFile(), '--before', '2026-01-01T00:00:00Z'],
        env,
      );
      expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('does not own the tables') });
    } finally {
      await limited.close();
      await app.sql(`DROP OWNED BY ${role}`);
      await app.sql(`DROP ROLE ${role}`);
    }
  });

  it('is a command that keeps the changes of users by which inactive users are found', async () => {
    await change(2);
    await seal();
    const env = {
      DATABASE_URL: app.databaseUrl,
      RETENTION_INACTIVE_DAYS: '100',
      INACTIVITY_WARNING_DAYS: '10',
    };
    const archive = (daysAgo: number) => {
      const before = new Date(Date.now() - daysAgo * 86_400_000).toISOString();
      return commands.run(['audit', 'archive', newFile(), '--before', before, '--json'], env);
    };
    const entries = await app.sql('SELECT id FROM audit_entries ORDER BY id');
    for (const daysAgo of [0, 99, 109.9])
      expect(await archive(daysAgo)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining('RETENTION_INACTIVE_DAYS'),
      });
    expect(await app.sql('SELECT id FROM audit_entries ORDER BY id')).toEqual(
      expect.arrayContaining(entries),
    );
    expect(await archive(110)).toMatchObject({ code: 0, stdout: expect.stringContaining('"entries":0') });
  });

  it('is a command that keeps existing archives and replaces what a killed run left', async () => {
    await change(2);
    await seal();
    const env = { DATABASE_URL: app.databaseUrl };
    const before = (await passingTime()).toISOString();
    const path = newFile();
    const run = (...args: string[]) => commands.run(['audit', ...args], env);
    writeFileSync(path, 'another file');
    expect(await run('archive', path, '--before', before)).toMatchObject({ code: 1, stdout: '' });
    writeFileSync(path, '{"header":{"type":"user-service audit archive","version":1');
    const { code, stdout, stderr } = await run('archive', path, '--before', before, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
    const { entries, seals, sha256 } = JSON.parse(stdout);
    expect({ entries, seals, sha256 }).toEqual({
      entries: expect.any(Number),
      seals: expect.any(Number),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(JSON.parse((await run('verify', '--file', path, '--json')).stdout)).toEqual({
      rows: entries,
      seals: expect.any(Number),
      erased: 0,
      broken: 0,
    });
    expect(JSON.parse((await run('verify', '--json')).stdout)).toMatchObject({ broken: 0 });
    const text = readFileSync(path, 'utf8');
    expect(await run('archive', path, '--before', before)).toMatchObject({ code: 1, stdout: '' });
    expect(readFileSync(path, 'utf8')).toBe(text);
    expect(await run('archive', newFile(), '--before', before, '--json')).toMatchObject({
      code: 0,
      stdout: '{"entries":0,"seals":0,"sha256":null}\n',
    });
    expect((await run('archive', newFile(), '--before', '2999-01-01T00:00:00Z')).code).toBe(2);
    expect((await run('archive', newFile())).code).toBe(2);
  });
});
