import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

it('an optional field of a profile is in five printed files', () => {
  const all = files.flatMap((file) =>
    statSync(join(top, file)).isDirectory()
      ? readdirSync(join(top, file), { recursive: true, encoding: 'utf8' }).map((name) => join(file, name))
      : file,
  );
  const current = all.filter(
    (file) => !file.startsWith('contract/released/') && statSync(join(top, file)).isFile(),
  );
  expect(current.filter((file) => readFileSync(join(top, file), 'utf8').includes('timeZone')).sort()).toEqual(
    [
      'catalog/services/UserService/schema.graphql',
      exportSchema,
      'deploy/router/supergraph.graphql',
      'docs/privacy-map.md',
      'schema.graphql',
    ],
  );
});

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
  ['docs/access.md', '| all other fields | null |', '| all other fields | yes |'],
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
