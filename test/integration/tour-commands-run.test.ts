import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { buildCheckout } from '../testkit/built-checkout';
import { eventually } from '../testkit/eventually';

const top = resolve(__dirname, '../..');
const startsWithinMs = 45_000;
const separator = '--- next step ---';

/** One step: the command, and the response that the page shows for it. */
interface Step {
  command: string;
  response: string | null;
}

const read = (page: string) => readFileSync(join(top, page), 'utf8');

/** The commands in all blocks of a page, one a line. */
const commandsOf = (page: string) =>
  [...read(page).matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block = '']) => block.trimEnd().split('\n'));

/** The steps in a part of a page, between `<!-- marker -->` and `<!-- /marker -->`, by starts of the service. */
function chaptersOf(page: string, marker: string): Step[][] {
  const part = new RegExp(`<!-- ${marker} -->\\n(.*?)<!-- /${marker} -->`, 's').exec(read(page))?.[1] ?? '';
  return part.split('<!-- restart -->').map((chapter) =>
    [...chapter.matchAll(/```sh\n(.*?)```(?:\s*```json\n(.*?)```)?/gs)].map((block) => ({
      command: block[1] ?? '',
      response: block[2] ?? null,
    })),
  );
}

/** Defines `curl` where it is not installed: a machine with Node alone runs the tests too. */
const curlStandIn = `command -v curl > /dev/null || curl() {
  node -e 'const [, url, , first, , second, , body] = process.argv.slice(1);
    fetch(url, { method: "POST", body, headers: [first, second].map((line) => line.split(": ")) })
      .then((response) => response.text()).then((text) => process.stdout.write(text))' -- "$@"
}`;

let folder: string;
let service: ChildProcess | undefined;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function start(env: NodeJS.ProcessEnv): Promise<void> {
  const started = spawn(process.execPath, ['bin/user-service.js', 'serve'], {
    cwd: folder,
    env,
    stdio: 'ignore',
  });
  service = started;
  await eventually(
    async () => {
      if (started.exitCode !== null) return;
      const { ok } = await fetch(`http://127.0.0.1:${env.PORT}/health/ready`);
      if (!ok) throw new Error('not ready yet');
    },
    { timeoutMs: startsWithinMs, intervalMs: 100 },
  );
}

async function stop(): Promise<void> {
  if (!service || service.exitCode !== null) return;
  const exited = once(service, 'exit');
  service.kill('SIGTERM');
  await exited;
}

/** Runs the commands in one shell, as a reader would, and returns what each of them printed. */
async function type(commands: string[], env: NodeJS.ProcessEnv): Promise<string[]> {
  const script = commands
    .join(`\nprintf '\\n${separator}\\n'\n`)
    .replaceAll('127.0.0.1:4001', `127.0.0.1:${env.PORT}`)
    .replaceAll('npx user-service', `'${process.execPath}' bin/user-service.js`);
  const { stdout } = await promisify(execFile)('bash', ['-eu', '-c', script], { cwd: folder, env });
  return stdout.split(separator).map((response) => response.trim());
}

/** Runs commands of `user-service` on the service of the tour, which it starts if only this test runs. */
async function typeOnRunning(commands: string[]): Promise<string[]> {
  if (!service || service.exitCode !== null) await start(env);
  const [, ...printed] = await type(['user-service() { npx user-service "$@"; }', ...commands], env);
  return printed;
}

/** Replaces times: only they differ between two runs. */
function timeless(response: string): unknown {
  return JSON.parse(response.replaceAll(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"<time>"'));
}

let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = buildCheckout();
  // Only the port is set: the commands run on what the service embeds.
  env = { PATH: process.env.PATH, HOME: folder, PORT: String(await freePort()) };
});

afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

it('the tour shows the responses that the service gives, also after a restart', async () => {
  const chapters = chaptersOf('docs/tour.md', 'tour');
  const preparations = chapters.flat().filter(({ response }) => response === null);
  const shown: Array<{ command: string; response: unknown }> = [];
  const given: typeof shown = [];
  for (const chapter of chapters) {
    await stop();
    await start(env);
    const steps = [...preparations, ...chapter.filter(({ response }) => response !== null)];
    const responses = await type(
      steps.map(({ command }) => command),
      env,
    );
    for (const [index, { command, response }] of steps.entries()) {
      if (response === null) continue;
      shown.push({ command, response: timeless(response) });
      given.push({ command, response: timeless(responses[index] ?? '') });
    }
  }
  expect(shown.length).toBeGreaterThan(5);
  expect(given).toEqual(shown);
}, 90_000);

it('the README shows the responses that the service gives', async () => {
  const [[step] = []] = chaptersOf('README.md', 'try');
  const lines = (text: string) => text.trim().split('\n').map(timeless);
  const [, printed = ''] = await typeOnRunning([curlStandIn, step?.command ?? '']);
  expect(lines(printed.replaceAll('}{', '}\n{'))).toEqual(lines(step?.response ?? ''));
}, 90_000);

it('the commands of docs/bulk.md import and export users', async () => {
  const user = { email: 'ida@example.com', firstName: 'Ida', lastName: 'Rhodes' };
  writeFileSync(join(folder, 'users.ndjson'), `${JSON.stringify(user)}\n`);
  const columns = 'Customer Email,First name,Last name,Street,City,Zip,Country,Tags,Note';
  const row = 'mary@example.com,Mary,Jackson,1 Main St,Hampton,23666,US,vip,-';
  writeFileSync(join(folder, 'customers.csv'), `${columns}\n${row}\n`);
  const [imported, exported, customers] = await typeOnRunning(commandsOf('docs/bulk.md'));
  const created = expect.stringContaining('1 created, 0 existed, 0 failed');
  expect([imported, exported, customers]).toEqual([created, '', created]);
  expect(readFileSync(join(folder, 'users.ndjson'), 'utf8')).toContain('"email":"ida@example.com"');
}, 90_000);

it('the commands of docs/privacy.md replay the ledger of erasures', async () => {
  writeFileSync(join(folder, 'erased.csv'), 'email,firstName,lastName\nada@example.org,Ada,Lovelace\n');
  const [imported = ''] = await typeOnRunning(['user-service import erased.csv --json']);
  await typeOnRunning([`user-service erase ${JSON.parse(imported).userId}`]);
  // The service publishes UserErased.
  await eventually(() => readFileSync(join(folder, '.data', 'erasures.ndjson')));
  expect(await typeOnRunning(commandsOf('docs/privacy.md'))).toEqual([
    expect.stringMatching(/^\d+ read, 0 to be erased again, 0 to be recorded as erased, \d+ already erased$/),
    expect.stringMatching(/^\d+ read, 0 erased again, 0 recorded as erased, \d+ already erased$/),
  ]);
}, 90_000);

it('the command of docs/extending-user.md starts the subgraph of the examples', async () => {
  const [command = ''] = commandsOf('docs/extending-user.md');
  const port = String(await freePort());
  const subgraph = spawn('bash', ['-c', command], {
    cwd: top,
    env: { ...env, HOME: process.env.HOME, PORT: port },
    stdio: 'ignore',
    detached: true,
  });
  try {
    const body = JSON.stringify({ query: '{ _service { sdl } }' });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const text = await eventually(async () => (await fetch(`http://127.0.0.1:${port}/`, init)).text(), {
      timeoutMs: startsWithinMs,
    });
    expect(text).toContain('shippingRegion');
  } finally {
    // npm does not pass the signal on to the program that it runs.
    if (subgraph.exitCode === null) process.kill(-Number(subgraph.pid));
  }
}, 90_000);

it('the README starts and tests the service with commands that are there', () => {
  const [, commands = ''] = /```sh\n(.*?)```/s.exec(read('README.md')) ?? [];
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  expect(commands.split('\n').map((line) => line.split('#')[0]?.trim())).toEqual([
    'npm ci && npm start',
    'npm ci && npm test',
    '',
  ]);
  // What `start` of this file runs after `npm ci` and a build.
  expect(scripts['start']).toBe(
    'npm run --silent build && exec node --max-old-space-size=384 bin/user-service.js serve',
  );
  expect(read('.ci/run')).toContain('(npm ci && npm test)');
});
