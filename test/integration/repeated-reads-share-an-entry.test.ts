import { AccessLog } from '../../src/audit/access-log';
import { AuditRepository } from '../../src/audit/audit.repository';
import { AuditLog } from '../../src/audit/audit-log';
import { ReadWindow } from '../../src/audit/read-window';
import { openDatabase } from '../../src/data-source';
import { Outbox } from '../../src/outbox/outbox';
import { createLogger } from '../../src/telemetry/logger';
import { startTestApp, type TestApp } from '../testkit/app';
import { auditTrailOf } from '../testkit/audit';
import { eventually } from '../testkit/eventually';
import { newId, storeUsers } from '../testkit/stored-users';
import { startTcpProxy } from '../testkit/tcp-proxy';
import { mutate } from '../testkit/users';
import { startWitness } from '../testkit/witness';

const anHour = 3_600;

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

async function storeUser(): Promise<string> {
  const id = newId('ACTIVE');
  await storeUsers(app, [{ id, state: 'ACTIVE' }]);
  return id;
}

async function read(replica: TestApp, ids: readonly string[], selection = 'email lastName'): Promise<void> {
  const { errors } = await replica.graphql(
    `query ($of: [_Any!]!) { _entities(representations: $of) { ... on User { ${selection} } } }`,
    { of: ids.map((id) => ({ __typename: 'User', id })) },
    { token: app.staff },
  );
  expect(errors).toEqual([]);
}

/** The reads of a user by staff, as fields and count. */
async function readsOf(userId: string): Promise<[string, number][]> {
  const trail = await auditTrailOf(app, userId);
  return trail.flatMap(({ actor, fields, count }) => (actor === 'staff' ? [[fields.join(), count]] : []));
}

describe('AUDIT_READ_WINDOW_SECONDS', () => {
  it('of 0 gives each read an entry', async () => {
    const id = await storeUser();
    for (let times = 0; times < 3; times += 1) await read(app, [id]);
    expect(await readsOf(id)).toEqual(Array(3).fill(['email,lastName', 1]));
  });

  it('gives the first reads their entries before the responses, and repeated ones a count at the end', async () => {
    const [one, two] = [await storeUser(), await storeUser()];
    const replica = await startTestApp({ replicaOf: app, config: { auditReadWindowSeconds: anHour } });
    const witness = await startWitness(`${app.amqpPrefix}audit.events`);
    await read(replica, [one]);
    expect(await readsOf(one)).toEqual([['email,lastName', 1]]);
    await read(replica, [two, one]);
    await read(replica, [one], 'email');
    for (let times = 0; times < 2; times += 1) await read(replica, [one, two]);
    const first = [
      ['email,lastName', 1],
      ['email', 1],
    ];
    expect(await readsOf(one)).toEqual(first);
    expect(await readsOf(two)).toEqual([['email,lastName', 1]]);

    const lastReadBy = Date.now();
    await replica.stop();
    expect(await readsOf(one)).toEqual([...first, ['email,lastName', 3]]);
    expect(await readsOf(two)).toEqual([
      ['email,lastName', 1],
      ['email,lastName', 2],
    ]);
    await eventually(() => {
      const counted = witness.events.filter(({ event }) =>
        event.data.accesses?.some(({ count }: { count?: number }) => count !== undefined),
      );
      expect(counted.map(({ event }) => event.data)).toEqual([
        {
          accesses: [
            { userIds: [one], fields: ['email', 'lastName'], count: 3 },
            { userIds: [two], fields: ['email', 'lastName'], count: 2 },
          ],
          actor: 'staff',
          action: 'USER_READ',
          at: expect.any(String),
        },
      ]);
      expect(Date.parse(counted[0]?.event.data.at)).toBeLessThanOrEqual(lastReadBy);
    });
    await witness.close();
  });

  it('ends each window by itself and loses no read', async () => {
    const id = await storeUser();
    const replica = await startTestApp({ replicaOf: app, config: { auditReadWindowSeconds: 1 } });
    let reads = 0;
    // Two windows at least: each has a first entry and one with a count.
    await eventually(
      async () => {
        await read(replica, [id]);
        reads += 1;
        expect((await readsOf(id)).filter(([, count]) => count > 1).length).toBeGreaterThanOrEqual(2);
      },
      { timeoutMs: 15_000 },
    );
    await replica.stop();
    const counts = (await readsOf(id)).map(([, count]) => count);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(reads);
    expect(counts.length).toBeLessThan(reads);
  });

  it('counts repeated reads in an export', async () => {
    const id = await storeUser();
    const replica = await startTestApp({ replicaOf: app, config: { auditReadWindowSeconds: anHour } });
    for (let times = 0; times < 3; times += 1) await read(replica, [id]);
    await replica.stop();
    const exported = await mutate(
      app,
      'exportUserData',
      { userId: id },
      await app.token({ sub: 'officer', scope: 'users:privacy' }),
    );
    const { accesses } = exported.export.document;
    expect(accesses.map(({ actor, count }: { actor: string; count: number }) => [actor, count])).toEqual([
      ['staff', 1],
      ['staff', 2],
    ]);
  });
});

describe('AccessLog with a window', () => {
  const actor = { id: 'staff', scopes: new Set<string>() };
  const origin = { actor, traceparent: null };
  const emailOf = (id: string) => new Map([[id, new Set(['email'])]]);

  it('writes the entry of a read again if the first could not be written, and keeps counts it could not write', async () => {
    const id = await storeUser();
    const postgres = await startTcpProxy(app.databaseUrl);
    const database = openDatabase(postgres.url, createLogger({ level: 'silent' }), 2);
    await database.connect();
    const audit = new AuditLog(new AuditRepository(database), new Outbox());
    const log = new AccessLog(database, audit, new ReadWindow());
    await postgres.stop();
    await expect(log.record(origin, emailOf(id))).rejects.toThrow();
    await postgres.resume();
    await eventually(() => log.record(origin, emailOf(id)));
    expect(await readsOf(id)).toEqual([['email', 1]]);

    await log.record(origin, emailOf(id));
    await log.record(origin, emailOf(id));
    await postgres.stop();
    await expect(log.endWindow()).rejects.toThrow();
    await postgres.resume();
    await eventually(() => log.endWindow());
    await log.endWindow();
    expect(await readsOf(id)).toEqual([
      ['email', 1],
      ['email', 2],
    ]);
    await database.close();
    await postgres.close();
  });

  it('gives reads without an actor an entry each', async () => {
    const id = await storeUser();
    const database = openDatabase(app.databaseUrl, createLogger({ level: 'silent' }), 2);
    await database.connect();
    const audit = new AuditLog(new AuditRepository(database), new Outbox());
    const log = new AccessLog(database, audit, new ReadWindow());
    for (let times = 0; times < 2; times += 1)
      await log.record({ actor: null, traceparent: null }, emailOf(id));
    await log.endWindow();
    const trail = await auditTrailOf(app, id);
    expect(trail.map(({ actor: by, count }) => [by, count])).toEqual([
      [null, 1],
      [null, 1],
    ]);
    await database.close();
  });
});
