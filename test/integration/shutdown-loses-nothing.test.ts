import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openDevelopmentIssuer } from '../../src/authentication/development-issuer';
import { startTestApp, type TestApp } from '../testkit/app';
import { buildCheckout } from '../testkit/built-checkout';
import { startBuiltService } from '../testkit/built-service';
import { eventually } from '../testkit/eventually';
import { askUntilRefused } from '../testkit/keep-alive-client';
import { buildUser } from '../testkit/users';
import { startWitness } from '../testkit/witness';

// Each one starts a process. `npm run faults:shutdown` terminates twenty.
const terminations = Number(process.env['TERMINATIONS'] ?? 4);
const clients = 8;

let app: TestApp;
let checkout: string;
let staff: string;
beforeAll(async () => {
  app = await startTestApp();
  checkout = buildCheckout();
  const issuer = await openDevelopmentIssuer(join(checkout, '.data'));
  staff = await issuer.issueToken({ sub: 'staff', scope: 'users:read users:write' });
});
afterAll(async () => {
  await app.stop();
  rmSync(checkout, { recursive: true, force: true });
});

interface Load {
  /** The number of requests served to each client so far. */
  readonly served: number[];
  readonly results: Promise<{ served: number; lost: string[] }>[];
}

/** Half of the clients create users, the others read them. Each has its own keep-alive connection. */
function startLoad(url: string): Load {
  const headers = { authorization: `Bearer ${staff}` };
  const reading = '{ users(first: 2) { nodes { id history(first: 2) { nodes { id } } } } }';
  const creating = () => {
    const { email } = buildUser();
    return `mutation { createUser(input: { email: "${String(email)}", firstName: "Ada", lastName: "L" }) { __typename } }`;
  };
  const served: number[] = [];
  const results = Array.from({ length: clients }, (_, client) => {
    const writes = client % 2 === 0;
    return askUntilRefused(
      url,
      (count) => {
        served[client] = count;
        return writes ? creating() : reading;
      },
      ({ status, body }) => status === 200 && body.includes(writes ? 'CreateUserSuccess' : '"nodes"'),
      headers,
    );
  });
  return { served, results };
}

/** Sends SIGTERM to a process under load, and returns how many users it reported as created. */
async function terminateUnderLoad(): Promise<number> {
  const { redisPrefix, amqpPrefix } = app;
  const service = await startBuiltService(checkout, {
    env: {
      DATABASE_URL: app.databaseUrl,
      REDIS_URL: process.env['TEST_REDIS_URL'],
      AMQP_URL: process.env['TEST_AMQP_URL'],
    },
    redisPrefix,
    amqpPrefix,
  });
  const { served, results: working } = startLoad(service.url);
  // Every client has an accepted connection and its next request in flight.
  await eventually(() => expect(Math.min(...served)).toBeGreaterThan(0), {
    timeoutMs: 30_000,
    intervalMs: 5,
  });
  expect(await service.terminate()).toEqual({ code: 0, signal: null });
  const results = await Promise.all(working);
  expect(results.flatMap(({ lost }) => lost)).toEqual([]);
  return results.filter((_, client) => client % 2 === 0).reduce((sum, { served }) => sum + served, 0);
}

const usersStored = async () =>
  Number((await app.sql<{ count: string }>('SELECT count(*) FROM users'))[0]?.count);

describe('SIGTERM', () => {
  it(`loses no request, change or event of ${terminations} processes under load, which exit with 0`, async () => {
    const witness = await startWitness(`${app.amqpPrefix}user.events`);
    const before = await usersStored();
    // Two in parallel, as a termination is mostly waiting.
    const series = async () => {
      let created = 0;
      for (let round = 0; round < terminations / 2; round += 1) created += await terminateUnderLoad();
      return created;
    };
    const [first, second] = await Promise.all([series(), series()]);
    const created = first + second;
    expect(created).toBeGreaterThan(terminations * (clients / 2));
    expect(await usersStored()).toBe(before + created);
    await eventually(async () => {
      expect(await app.sql('SELECT 1 FROM outbox_events WHERE published_at IS NULL')).toEqual([]);
      expect(new Set(witness.events.map(({ messageId }) => messageId)).size).toBe(created);
    });
    await witness.close();
  }, 180_000);
});
