import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const top = resolve(__dirname, '../..');
const exportSchema = 'contract/user-data-export.schema.json';
const files = ['schema.graphql', 'docs', 'contract', 'catalog', 'deploy', 'package.json'];
const catalogPage = 'catalog/events/UserCreated/index.mdx';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'printed-'));
  for (const file of files) cpSync(join(top, file), join(folder, file), { recursive: true });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the check on the copies; with `--write`, the fix. */
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

it('generated-files accepts the committed files', () => {
  expect(printed()).toMatchObject({ status: 0, stdout: '', stderr: '' });
});

const lacking: [file: string, text: RegExp, by: string][] = [
  ['docs/settings.md', /^\| `LIMIT_DEPTH`.*\n/m, ''],
  ['docs/access.md', /^\| `updateUser`.*\n/m, ''],
  ['schema.graphql', /^ {2}pendingEmail: String .*\n/m, ''],
  [exportSchema, /^ *"pendingEmail",\n/m, ''],
  [catalogPage, /^\| `email` .*\n/m, ''],
];
const wrong: [file: string, text: string, by: string][] = [
  ['docs/settings.md', '| `PORT` |', '| `COLOUR` | of the shed | green |\n| `PORT` |'],
  ['docs/access.md', '| `email` | null |', '| `email` | yes |'],
  ['schema.graphql', 'firstName: String ', 'firstName: Int '],
  [exportSchema, '"integer"', '"string"'],
];

it('generated-files rejects files that lack or add a line or are wrong, and --write fixes them', () => {
  for (const [file, text, by] of [...lacking, ...wrong]) replace(file, text, by);
  const check = printed();
  expect(check.status).toBe(1);
  const changed = new Set(lacking.map(([file]) => file));
  for (const file of changed) expect(check.stdout).toContain(`${file} is not what the code says, line `);

  expect(printed('--write').status).toBe(0);
  for (const file of changed)
    expect(readFileSync(join(folder, file), 'utf8')).toBe(readFileSync(join(top, file), 'utf8'));
});
