import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { openDevelopmentIssuer } from '../../src/authentication/development-issuer';
import { send } from '../testkit/app';
import { rabbitMqUrl } from '../testkit/brokers';
import { type ServiceProcess, startServiceProcess } from '../testkit/service-processes';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { newAmqpPrefix, newRedisPrefix } from '../testkit/test-run';
import { removeTopology } from '../testkit/witness';

const directory = mkdtempSync(join(tmpdir(), 'user-service-'));
const amqpPrefix = newAmqpPrefix();
const ids = Array.from({ length: 100 }, () => randomUUID());
const own = ids[0] as string;
let database: TestDatabase;
let service: ServiceProcess;
let tokens: Record<'own' | 'staff' | 'auditor', string>;

beforeAll(async () => {
  database = await createTestDatabase();
  service = await startServiceProcess({
    databaseUrl: database.url,
    redisUrl: process.env['TEST_REDIS_URL'] ?? '',
    amqpUrl: rabbitMqUrl(),
    redisPrefix: newRedisPrefix(),
    amqpPrefix,
    directory,
  });
  const issuer = await openDevelopmentIssuer(join(directory, '.data'));
  tokens = {
    own: await issuer.issueToken({ sub: own }),
    staff: await issuer.issueToken({ sub: 'staff', scope: 'users:read users:write' }),
    auditor: await issuer.issueToken({ sub: 'auditor', scope: 'users:audit' }),
  };
  for (const id of ids) {
    const input = { userId: id, email: `${id}@example.com`, firstName: 'Ada', lastName: 'Lovelace' };
    const query = 'mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }';
    await send(service.url, { query, variables: { input } }, { token: tokens.staff });
  }
  const client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     SELECT gen_random_uuid(), it.id::uuid, 'ORDER_PLACED', now(), now(), 'test', it.id || n, 'An order', '{"total": "10"}'
     FROM unnest($1::text[]) AS it (id), generate_series(1, CASE WHEN it.id = $2 THEN 5000 ELSE 100 END) AS n`,
    [ids, own],
  );
  await client.end();
}, 60_000);

afterAll(async () => {
  await service.stop();
  await database.drop();
  await removeTopology(amqpPrefix);
  rmSync(directory, { recursive: true, force: true });
}, 30_000);

const numbered = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => text(index)).join(' ');
const history = (count: number, first: number) =>
  numbered(count, (index) => `h${index}: history(first: ${first}) { nodes { id type summary data } }`);
const entitiesOf = (selection: string) =>
  `query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { ${selection} } } }`;
const representations = (count: number, id = own) => ({
  r: Array(count).fill({ __typename: 'User', id }) as object[],
});
const exportOf = (name: string) =>
  `${name}: exportUserData(input: { userId: "${own}" }) { ... on ExportUserDataSuccess { export { document } } }`;

type Actor = keyof typeof tokens;
const operations: [what: string, actor: Actor, query: string, variables: object, limit: string | null][] = [
  [
    '48 histories of 100 users',
    'staff',
    `{ users(first: 100) { nodes { ${history(48, 100)} } } }`,
    {},
    'cost',
  ],
  [
    'the edges of 100 users',
    'staff',
    `{ users(first: 100) { edges { node { ${history(2, 100)} } } } }`,
    {},
    'cost',
  ],
  ['45 histories of 1,000 entities', 'own', entitiesOf(history(45, 100)), representations(1_000), 'cost'],
  [
    '50 exports',
    'own',
    `mutation { ${numbered(50, (index) => exportOf(`e${index}`))} }`,
    {},
    'exportUserData',
  ],
  [
    '2 exports in fragments',
    'own',
    `mutation { ${exportOf('a')} ...B } fragment B on Mutation { ${exportOf('b')} }`,
    {},
    'exportUserData',
  ],
  [
    'the largest page of users with histories',
    'staff',
    `{ users(first: 100) { nodes { ${history(1, 98)} } } }`,
    {},
    null,
  ],
  ['50 histories of 350 objects', 'own', `{ me { ${history(50, 100)} } }`, {}, null],
  ['190 representations with a history', 'own', entitiesOf(history(1, 100)), representations(190), null],
  [
    '300 representations with 18 wrong pages',
    'staff',
    entitiesOf(history(18, 0)),
    representations(300),
    null,
  ],
  [
    '1,000 representations with 64 forbidden fields',
    'auditor',
    entitiesOf(`${numbered(50, (index) => `a${index}: email`)} username
    pendingEmail firstName lastName phoneNumber locale timeZone statusNotes version createdAt updatedAt statusReason
    emailVerification { status } commerce { orderCount }`),
    representations(1_000),
    null,
  ],
  [
    'fragments that each spread the next one twice',
    'own',
    `${entitiesOf('...f0')} ${numbered(19, (index) => `fragment f${index} on User { ...f${index + 1} ...f${index + 1} }`)}
     fragment f19 on User { id }`,
    representations(1),
    null,
  ],
  ['an export of 5,000 entries', 'own', `mutation { ${exportOf('a')} }`, {}, null],
];

/** The CPU time of the main thread so far. It does not depend on other processes on this machine. */
function cpuMs(): number {
  const { pid } = service.process;
  const fields = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** How long /health/live waits while the main thread works for other requests. */
async function probe(): Promise<number> {
  const startedAtMs = cpuMs();
  expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
  return cpuMs() - startedAtMs;
}

/** The most memory that the process has used so far. */
const memoryMb = () =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${service.process.pid}/status`, 'utf8'))?.[1]) / 1024;

it.each(operations)(
  '/health/live responds within 500 ms and memory stays below 400 MB during %s',
  async (_what, actor, query, variables, limit) => {
    let slowestMs = 0;
    let running = true;
    const probing = (async () => {
      while (running) slowestMs = Math.max(slowestMs, await probe());
    })();
    const { errors } = await send(service.url, { query, variables }, { token: tokens[actor] });
    running = false;
    await probing;
    const limits = errors.map(({ extensions }) => extensions['limit'] ?? null);
    expect(limits.filter((it) => it !== null)).toEqual(limit === null ? [] : [limit]);
    expect(errors.length).toBeLessThanOrEqual(101);
    expect(memoryMb()).toBeLessThan(400);
    expect(slowestMs).toBeLessThan(500);
  },
  30_000,
);

it('8 connections of one actor do not raise the median of another user a hundredfold', async () => {
  const other = { query: '{ me { id email } }' };
  const median = async () => {
    const times: number[] = [];
    for (let round = 0; round < 15; round += 1) {
      const startedAt = performance.now();
      await send(service.url, other, { token: tokens.staff });
      times.push(performance.now() - startedAt);
    }
    return times.sort((a, b) => a - b)[7] as number;
  };
  const alone = await median();
  let running = true;
  const query = `{ me { ${numbered(50, (index) => `h${index}: history(from: "2020-01-01T00:00:${10 + index}Z") { nodes { id data } }`)} } }`;
  const busy = Array.from({ length: 8 }, async () => {
    while (running) await send(service.url, { query }, { token: tokens.own });
  });
  const crowded = await median();
  running = false;
  await Promise.all(busy);
  expect(crowded).toBeLessThan(200 + 20 * alone);
}, 60_000);
