import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';

interface Config {
  projects: { displayName: string; runner?: string; setupFiles?: string[]; setupFilesAfterEnv?: string[] }[];
  testTimeout: number;
  maxWorkers: number;
}

const checkout = join(__dirname, '..', '..');
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const { projects, testTimeout, maxWorkers } = require('../../jest.config') as Config;
const settingsOf = (name: string) => {
  const { runner, setupFiles, setupFilesAfterEnv } =
    projects.find(({ displayName }) => displayName === name) ?? {};
  const inCheckout = (files: string[] = []) => files.map((file) => file.replace('<rootDir>', checkout));
  return {
    // A project outside the checkout cannot resolve the runner by name.
    ...(runner === undefined ? {} : { runner: require.resolve(runner) }),
    setupFiles: inCheckout(setupFiles).filter(isAbsolute),
    setupFilesAfterEnv: inCheckout(setupFilesAfterEnv),
  };
};

/** Runs the test command on files with this content, as this project. Returns its exit code, last line and errors. */
async function runTests(
  project: string,
  contents: readonly string[],
): Promise<{ code: unknown; lastLine: string | undefined; errors: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'user-service-test-command-'));
  folders.push(folder);
  for (const [index, content] of contents.entries()) writeFileSync(join(folder, `${index}.case.js`), content);
  const config = JSON.stringify({
    rootDir: folder,
    testMatch: ['**/*.case.js'],
    transform: {},
    testTimeout,
    maxWorkers,
    ...settingsOf(project),
  });
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['scripts/run.cjs', 'scripts/test.ts', '--config', config],
      { cwd: checkout },
      (error, stdout, errors) =>
        resolve({ code: error ? error.code : 0, lastLine: stdout.trimEnd().split('\n').at(-1), errors }),
    );
  });
}

const passing = "test('holds', () => { console.log('it holds'); });";

const breaking = "test('breaks', () => { throw new Error(); });";
const leaking = "test('leaks', () => { Promise.reject(new Error()); });";
const ending = "test('ends', () => process.exit(0));";
const absent = "require('./absent');";
const skipping = `${passing} test.skip('waits', () => {});`;
const hanging = "test('hangs', () => new Promise(() => {}), 50);";
const calling = "test('calls back', (done) => { setTimeout(() => done(new Error()), 10); });";
const counting = "test('counts on what does not run', () => { expect.assertions(1); });";
const hangingBefore = 'beforeAll(() => new Promise(() => {}), 50);';

test.concurrent.each([
  ['npm test prints the count of passed tests', 'unit', [passing, passing], 0, '2 passed, 0 failed'],
  [
    'npm test counts each failure of isolated files',
    'unit',
    [passing, breaking, absent, '', skipping, leaking],
    1,
    '2 passed, 5 failed',
  ],
  ['npm test counts a process that exits early as failed', 'unit', [ending], 1, '0 passed, 1 failed'],
  ['npm test fails if there is no test', 'unit', [], 1, '0 passed, 1 failed'],
  [
    'npm test prints the count of passed tests of files that share modules',
    'integration',
    [passing, passing],
    0,
    '2 passed, 0 failed',
  ],
  [
    'npm test counts each failure and timeout of files that share modules',
    'integration',
    [passing, breaking, absent, '', skipping, leaking, hanging, hangingBefore + passing, calling, counting],
    1,
    '3 passed, 9 failed',
  ],
  [
    'npm test counts a worker that exits early as failed',
    'integration',
    [passing, ending],
    1,
    '1 passed, 1 failed',
  ],
])('%s', async (_name, project, contents, code, lastLine) => {
  const { errors, ...result } = await runTests(project, contents);
  expect(result).toEqual({ code, lastLine });
  expect(errors).not.toContain('results written');
});
