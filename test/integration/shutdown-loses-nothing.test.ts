import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startTestApp, type TestApp } from '../testkit/app';
import { buildCheckout } from '../testkit/built-checkout';
import { eventually } from '../testkit/eventually';
import { askUntilRefused } from '../testkit/keep-alive-client';
import { buildUser } from '../testkit/users';
import { startWitness } from '../testkit/witness';

const terminations = 20;
const clients = 8;

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

/** Half of the clients create users, half read them; each over a keep-alive connection of its own. */
function load(url: string): Promise<{ answered: number; lost: string[] }>[] {
  const headers = { authorization: `Bearer ${app.staff}` };
  const reading = () => '{ users(first: 2) { nodes { id history(first: 2) { nodes { id } } } } }';
  const creating = () => {
    const { email } = buildUser();
    return `mutation { createUser(input: { email: "${String(email)}", firstName: "Ada", lastName: "L" }) { __typename } }`;
  };
  return Array.from({ length: clients }, (_, client) => {
    const writes = client % 2 === 0;
    return askUntilRefused(
      url,
      writes ? creating : reading,
      ({ status, body }) => status === 200 && body.includes(writes ? 'CreateUserSuccess' : '"nodes"'),
      headers,
    );
  });
}

/** Ends a replica in the middle of its work; answers how many users it said it had created. */
async function endUnderLoad(): Promise<number> {
  const replica = await startTestApp({ beside: app });
  const working = load(replica.url);
  // Every client is in the middle of something once users begin to arrive.
  const atStart = await usersStored();
  await eventually(async () => expect(await usersStored()).toBeGreaterThan(atStart + 3), { intervalMs: 5 });
  await replica.stop();
  const results = await Promise.all(working);
  expect(results.flatMap(({ lost }) => lost)).toEqual([]);
  return results.filter((_, client) => client % 2 === 0).reduce((sum, { answered }) => sum + answered, 0);
}

const usersStored = async () =>
  Number((await app.sql<{ count: string }>('SELECT count(*) FROM users'))[0]?.count);

describe('the end of the service', () => {
  it(`loses no request, no change and no event in ${terminations} ends under load`, async () => {
    const witness = await startWitness(`${app.amqpPrefix}user.events`);
    const before = await usersStored();
    // Two at a time, side by side: ending is mostly waiting.
    const series = async () => {
      let created = 0;
      for (let round = 0; round < terminations / 2; round += 1) created += await endUnderLoad();
      return created;
    };
    const [first, second] = await Promise.all([series(), series()]);
    const created = first + second;
    expect(await usersStored()).toBe(before + created);
    await eventually(async () => {
      expect(await app.sql('SELECT 1 FROM outbox_events WHERE published_at IS NULL')).toEqual([]);
      expect(new Set(witness.events.map(({ messageId }) => messageId)).size).toBe(created);
    });
    await witness.close();
  }, 90_000);

  it('takes a process from SIGTERM to exit code 0', async () => {
    const checkout = buildCheckout();
    const port = await freePort();
    const child = spawn(process.execPath, [join(checkout, 'bin', 'user-service.js'), 'serve'], {
      cwd: checkout,
      env: { PATH: process.env['PATH'], DATABASE_URL: app.databaseUrl, PORT: String(port) },
      stdio: 'ignore',
    });
    const url = `http://127.0.0.1:${port}`;
    await eventually(async () => expect((await fetch(`${url}/health/ready`)).status).toBe(200), {
      timeoutMs: 10_000,
    });
    const [code, signal] = await terminate(child);
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    rmSync(checkout, { recursive: true, force: true });
  });
});

async function terminate(child: ChildProcess): Promise<[number | null, string | null]> {
  child.kill('SIGTERM');
  return (await once(child, 'exit')) as [number | null, string | null];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
