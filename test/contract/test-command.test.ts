import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const checkout = join(__dirname, '..', '..');
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Runs the test command on test files with this content; answers its exit code and its last line. */
async function runTests(...contents: string[]): Promise<{ code: unknown; lastLine: string | undefined }> {
  const folder = mkdtempSync(join(tmpdir(), 'user-service-test-command-'));
  folders.push(folder);
  for (const [index, content] of contents.entries()) {
    const file = join(folder, `${index}.case.js`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  const config = JSON.stringify({ rootDir: folder, testMatch: ['**/*.case.js'], transform: {} });
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['scripts/run.cjs', 'scripts/test.ts', '--config', config],
      { cwd: checkout },
      (error, stdout) =>
        resolve({ code: error ? error.code : 0, lastLine: stdout.trimEnd().split('\n').at(-1) }),
    );
  });
}

const passing = "test('holds', () => {});";

test.concurrent.each([
  ['ends with the counts of what passed', [passing, passing], 0, '2 passed, 0 failed'],
  [
    'fails when a test fails',
    [passing, "test('breaks', () => { throw new Error(); });"],
    1,
    '1 passed, 1 failed',
  ],
  [
    'counts a file that cannot be loaded as failed',
    [passing, "require('./absent');"],
    1,
    '1 passed, 1 failed',
  ],
  ['counts a file without a test as failed', [passing, ''], 1, '1 passed, 1 failed'],
  ['counts a skipped test as failed', [`${passing} test.skip('waits', () => {});`], 1, '1 passed, 1 failed'],
  [
    'counts an unhandled rejection as failed',
    ["test('leaks', () => { Promise.reject(new Error()); });"],
    1,
    '0 passed, 1 failed',
  ],
  [
    'counts a process that ends early as failed',
    ["test('ends', () => process.exit(0));"],
    1,
    '0 passed, 1 failed',
  ],
  ['fails when there is no test at all', [], 1, '0 passed, 1 failed'],
])('%s', async (_name, contents, code, lastLine) => {
  expect(await runTests(...contents)).toEqual({ code, lastLine });
});
