import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { buildCheckout } from '../testkit/built-checkout';
import { eventually } from '../testkit/eventually';

const top = resolve(__dirname, '../..');
const startsWithinMs = 45_000;
const separator = '--- next step ---';

/** One step of the story: what to type, and the answer that the README shows for it. */
interface Step {
  command: string;
  answer: string | null;
}

const readme = readFileSync(join(top, 'README.md'), 'utf8');
const story = /<!-- story -->\n(.*?)<!-- \/story -->/s.exec(readme)?.[1] ?? '';
/** The steps between two starts of the service. */
const chapters: Step[][] = story.split('<!-- restart -->').map((chapter) =>
  [...chapter.matchAll(/```sh\n(.*?)```(?:\s*```json\n(.*?)```)?/gs)].map((block) => ({
    command: block[1] ?? '',
    answer: block[2] ?? null,
  })),
);
const preparations = chapters.flat().filter(({ answer }) => answer === null);

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
  service.kill('SIGTERM');
  await once(service, 'exit');
}

/** Types the commands into one shell, as a reader would, and answers what each of them printed. */
async function type(commands: string[], env: NodeJS.ProcessEnv): Promise<string[]> {
  const script = commands
    .join(`\nprintf '\\n${separator}\\n'\n`)
    .replaceAll('127.0.0.1:4001', `127.0.0.1:${env.PORT}`)
    .replaceAll('npx user-service', `'${process.execPath}' bin/user-service.js`);
  const { stdout } = await promisify(execFile)('bash', ['-eu', '-c', script], { cwd: folder, env });
  return stdout.split(separator).map((answer) => answer.trim());
}

/** Times are all that differs between two readers of the story. */
function timeless(answer: string): unknown {
  return JSON.parse(answer.replaceAll(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"<time>"'));
}

beforeAll(() => {
  folder = buildCheckout();
});

afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

it('tells its story with the answers that the service gives, with a restart in it', async () => {
  // Nothing is set but the port: the story is told on what the service brings along.
  const env = { PATH: process.env.PATH, HOME: folder, PORT: String(await freePort()) };
  const told: Array<{ command: string; answer: unknown }> = [];
  const given: typeof told = [];
  for (const chapter of chapters) {
    await start(env);
    const steps = [...preparations, ...chapter.filter(({ answer }) => answer !== null)];
    const answers = await type(
      steps.map(({ command }) => command),
      env,
    );
    for (const [index, { command, answer }] of steps.entries()) {
      if (answer === null) continue;
      told.push({ command, answer: timeless(answer) });
      given.push({ command, answer: timeless(answers[index] ?? '') });
    }
    await stop();
  }
  expect(told.length).toBeGreaterThan(5);
  expect(given).toEqual(told);
}, 90_000);
