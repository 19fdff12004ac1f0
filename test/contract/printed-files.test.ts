import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const top = resolve(__dirname, '../..');
const files = ['schema.graphql', 'docs'];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'printed-'));
  for (const file of files) cpSync(join(top, file), join(folder, file), { recursive: true });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the check, or with `--write` the fix, on the copies. */
function printed(...args: string[]) {
  const script = [join(top, 'scripts/run.cjs'), join(top, 'scripts/generated-files.ts')];
  return spawnSync(process.execPath, [...script, ...args], { cwd: folder, encoding: 'utf8' });
}

function replace(file: string, text: string | RegExp, by: string): void {
  const before = readFileSync(join(folder, file), 'utf8');
  const after = before.replace(text, by);
  expect(after).not.toBe(before);
  writeFileSync(join(folder, file), after);
}

it('accepts what is committed', () => {
  expect(printed()).toMatchObject({ status: 0, stdout: '', stderr: '' });
});

it.each([
  ['a setting that the page lacks', 'docs/settings.md', /^\| `LIMIT_DEPTH`.*\n/m, ''],
  [
    'a setting that nobody reads',
    'docs/settings.md',
    '| `PORT` |',
    '| `COLOUR` | of the shed | green |\n| `PORT` |',
  ],
  [
    'a field whose readers the page tells wrongly',
    'docs/access.md',
    '| `email` | null |',
    '| `email` | yes |',
  ],
  ['a mutation that the page lacks', 'docs/access.md', /^\| `updateUser`.*\n/m, ''],
  ['a field that the committed schema lacks', 'schema.graphql', /^ {2}pendingEmail: String .*\n/m, ''],
])('refuses %s, and mends it', (_what, file, text, by) => {
  replace(file, text, by);
  const check = printed();
  expect(check.status).toBe(1);
  expect(check.stdout).toContain(`${file} is not what the code says, line `);

  expect(printed('--write').status).toBe(0);
  expect(readFileSync(join(folder, file), 'utf8')).toBe(readFileSync(join(top, file), 'utf8'));
});
