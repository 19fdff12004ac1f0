import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { send } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { type ServiceProcess, staffToken, startServiceProcess } from '../testkit/service-processes';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { newAmqpPrefix, newRedisPrefix } from '../testkit/test-run';
import { removeTopology } from '../testkit/witness';

const directory = mkdtempSync(join(tmpdir(), 'user-service-heap-'));
const amqpPrefix = newAmqpPrefix();
let database: TestDatabase;
let service: ServiceProcess;
beforeAll(async () => {
  database = await createTestDatabase();
  service = await startServiceProcess({
    databaseUrl: database.url,
    redisUrl: process.env['TEST_REDIS_URL'] ?? '',
    amqpUrl: process.env['TEST_AMQP_URL'] ?? '',
    redisPrefix: newRedisPrefix(),
    amqpPrefix,
    directory,
    env: { NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${directory}` },
  });
});
afterAll(async () => {
  await service.kill();
  await removeTopology(amqpPrefix);
  await database.drop();
  rmSync(directory, { recursive: true, force: true });
});

/** Returns the heap of the service as V8 writes it, after a garbage collection. */
async function readHeap(): Promise<string> {
  service.process.kill('SIGUSR2');
  const path = await eventually(
    async () => {
      const [name] = readdirSync(directory).filter((it) => it.endsWith('.heapsnapshot'));
      if (name === undefined || !isComplete(join(directory, name)))
        throw new Error('the snapshot is not written yet');
      return join(directory, name);
    },
    { timeoutMs: 40_000, intervalMs: 200 },
  );
  return readFileSync(path, 'latin1');
}

function isComplete(path: string): boolean {
  const file = openSync(path, 'r');
  const end = Buffer.alloc(2);
  const { size } = fstatSync(file);
  if (size > 2) readSync(file, end, 0, 2, size - 2);
  closeSync(file);
  return end.toString().trim().endsWith('}');
}

it('a heap snapshot contains the text of a mutation with variables, and no password of one with literals', async () => {
  const [marker, password] = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')];
  const token = await staffToken(directory);
  const input = (secret: string) =>
    `{ email: "${marker}@example.com", firstName: "A", lastName: "B", password: "${secret}" }`;
  for (const [start, secret] of [
    [`mutation`, `plain-${password}`],
    [`mutation named`, `named-${password}`],
  ] as const) {
    const { data } = await send(
      service.url,
      { query: `${start} { createUser(input: ${input(secret)}) { __typename } }` },
      { token },
    );
    expect(data.createUser.__typename).toBe('InvalidInputError');
  }
  const query = `mutation kept_${marker} ($input: CreateUserInput!) { createUser(input: $input) { __typename } }`;
  await send(
    service.url,
    { query, variables: { input: { email: 'x', firstName: 'A', lastName: 'B' } } },
    { token },
  );
  const heap = await readHeap();
  expect(heap.includes(`kept_${marker}`)).toBe(true);
  expect(heap.includes(password)).toBe(false);
});
