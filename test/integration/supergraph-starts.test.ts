import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { exampleUserId } from '../../src/explorer/explorer-examples';
import { startOfflineBrowser } from '../testkit/browser';
import { eventually } from '../testkit/eventually';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

const top = resolve(__dirname, '../..');
const freePorts = { PORT: '0', REVIEWS_PORT: '0', ORDERS_PORT: '0', GATEWAY_PORT: '0' };
const checkedOut = [
  'package.json',
  'rover.yaml',
  'schema.graphql',
  '.swcrc',
  'src',
  'migrations',
  'supergraph',
];

let database: TestDatabase;
let folder: string;
let supergraph: ChildProcess;
/** What the program printed for each part. */
const printed: Record<string, string> = {};
let gatewayUrl: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'supergraph-'));
  for (const name of [...checkedOut, 'scripts', 'contract/schemas'])
    cpSync(join(top, name), join(folder, name), { recursive: true });
  symlinkSync(join(top, 'node_modules'), join(folder, 'node_modules'));
  supergraph = spawn('npm', ['run', '--silent', 'supergraph'], {
    cwd: folder,
    // A process group of its own, which Ctrl-C signals as a whole.
    detached: true,
    env: { PATH: process.env['PATH'], HOME: folder, DATABASE_URL: database.url, ...freePorts },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: supergraph.stdout as NodeJS.ReadableStream })) {
    const [, part, text = ''] = /^ {2}(\S+) +(\S+)/.exec(line) ?? [];
    if (part !== undefined) printed[part] = text;
    if (line.includes('Ctrl-C')) break;
  }
  gatewayUrl = String(printed['gateway']).replace(/\/$/, '');
}, 60_000);

afterAll(async () => {
  if (supergraph?.exitCode === null) {
    process.kill(-Number(supergraph.pid), 'SIGKILL');
    await once(supergraph, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
  await database?.drop();
});

async function ask(query: string, variables: Record<string, unknown> = {}, token = printed['token']) {
  const response = await fetch(`${gatewayUrl}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as {
    data: any;
    errors?: { message: string; extensions: { code: string } }[];
  };
}

const userId = exampleUserId;

it('npm run supergraph prints a line for each part that starts', () => {
  expect(Object.keys(printed)).toEqual(['users', 'reviews', 'orders', 'gateway', 'secret', 'token']);
});

it('the gateway returns a user with fields of all three subgraphs', async () => {
  const query =
    'query ($id: ID!) { user(id: $id) { email reviews { body } orders { id total { amount } } } }';
  const { data, errors } = await ask(query, { id: userId });
  expect(errors).toBeUndefined();
  expect(data.user).toEqual({
    email: 'ada@example.com',
    reviews: [{ body: expect.stringContaining('tea') }, { body: expect.stringContaining('colour') }],
    orders: [{ id: 'order-0', total: { amount: '20.9' } }],
  });
});

it('topReviews returns erased authors as UNKNOWN, also without a token', async () => {
  const query = '{ topReviews { stars author { id displayName status orders { id } } } }';
  // The service caches an author until it publishes that author's erasure.
  await eventually(
    async () => {
      const { data, errors } = await ask(query, {}, '');
      expect(errors).toBeUndefined();
      const authors = data.topReviews.map(({ author }: any) => author);
      expect(authors).toHaveLength(10);
      expect(authors.filter(({ status }: any) => status === 'UNKNOWN')).toEqual(
        Array.from({ length: 2 }, () => ({
          id: expect.any(String),
          displayName: null,
          status: 'UNKNOWN',
          orders: [],
        })),
      );
    },
    { timeoutMs: 20_000 },
  );
});

it('placeOrder and cancelOrder reach the history of the user', async () => {
  const summaryOf = async () => {
    const { data } = await ask(
      'query ($id: ID!) { user(id: $id) { commerce { spent { amount currency } } history(first: 1) { nodes { type } } } }',
      { id: userId },
    );
    return data.user;
  };
  const before = await summaryOf();
  const { data } = await ask(
    'mutation ($userId: ID!) { placeOrder(userId: $userId, amount: "19.90", currency: "CHF") { id status } }',
    { userId },
  );
  expect(data.placeOrder).toEqual({ id: expect.any(String), status: 'PLACED' });
  await eventually(async () =>
    expect(await summaryOf()).toEqual({
      commerce: {
        spent: [{ amount: '19.9', currency: 'CHF' }, ...before.commerce.spent],
      },
      history: { nodes: [{ type: 'ORDER_PLACED' }] },
    }),
  );
  const cancelled = await ask('mutation ($id: ID!) { cancelOrder(id: $id) { status } }', data.placeOrder);
  expect(cancelled.data.cancelOrder).toEqual({ status: 'CANCELLED' });
  await eventually(async () =>
    expect(await summaryOf()).toEqual({ ...before, history: { nodes: [{ type: 'ORDER_CANCELLED' }] } }),
  );
});

it('the gateway passes on the token and reports the errors of the subgraphs', async () => {
  const refused = await ask('{ users { nodes { id } } }', {}, '');
  expect(refused.errors?.map(({ extensions }) => extensions.code)).toEqual(['UNAUTHENTICATED']);
  const { errors } = await ask('mutation { placeOrder(userId: "1", amount: "-1", currency: "EUR") { id } }');
  expect(errors?.[0]?.message).toContain('amount');
});

it('the service behind the gateway refuses requests without its proof', async () => {
  const { status } = await fetch(String(printed['users']).replace(/,$/, ''), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"query":"{__typename}"}',
  });
  expect(status).toBe(401);
});

it('the explorer of the gateway runs an example across the subgraphs after one click for a token', async () => {
  const browser = await startOfflineBrowser();
  const page = await browser.context.newPage();
  await page.goto(`${gatewayUrl}/`);
  await page.waitForSelector('.graphiql-execute-button');
  await page.getByRole('button', { name: 'Staff' }).click();
  await page.waitForSelector('[data-sub=staff][aria-pressed=true]');
  await eventually(
    async () => {
      await page.click('.graphiql-execute-button');
      const text = async () => page.locator('.graphiql-response').innerText();
      await eventually(async () => expect(await text()).toContain('"reviews"'), { timeoutMs: 2_000 });
    },
    { timeoutMs: 20_000 },
  );
  expect(browser.strayRequests).toEqual([]);
  await browser.close();
});

it('Ctrl-C ends every process', async () => {
  const group = Number(supergraph.pid);
  process.kill(-group, 'SIGINT');
  const [code] = (await once(supergraph, 'exit')) as [number | null];
  expect(code).toBe(0);
  expect(() => process.kill(-group, 0)).toThrow('ESRCH');
  expect(readdirSync(join(folder, '.data'))).toContain('supergraph-orders.json');
});
