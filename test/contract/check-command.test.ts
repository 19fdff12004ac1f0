import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

const top = resolve(__dirname, '../..');

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'check-'));
  for (const file of ['tsconfig.json', 'biome.json']) copyFileSync(join(top, file), join(folder, file));
  for (const name of ['node_modules', 'scripts']) symlinkSync(join(top, name), join(folder, name));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function check(...parts: string[]) {
  return spawnSync(
    process.execPath,
    [join(top, 'scripts/run.cjs'), join(top, 'scripts/check.ts'), ...parts],
    {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${join(top, 'node_modules/.bin')}${delimiter}${process.env.PATH}` },
    },
  );
}

it('check reports every failing part with its output', () => {
  writeFileSync(join(folder, 'bench.ts'), 'export const   text: string = "double";\n');
  writeFileSync(
    join(folder, 'tsconfig.json'),
    '{ "files": ["wrong.ts"], "compilerOptions": { "types": [] } }\n',
  );
  writeFileSync(join(folder, 'wrong.ts'), 'export const text: string = 1;\n');

  const { status, stdout } = check('types', 'format', 'vocabulary');
  expect(status).toBe(1);
  expect(stdout).toMatch(/FAILED types .*FAILED format|FAILED format .*FAILED types/s);
  expect(stdout).toContain("Type 'number' is not assignable to type 'string'");
  expect(stdout).toContain('bench.ts format');
  expect(stdout).toMatch(/^ok +vocabulary/m);
});

it('check lists its parts for an unknown part and exits with 2', () => {
  const { status, stderr } = check('spelling');
  expect(status).toBe(2);
  expect(stderr).toMatch(/^unknown part spelling; the parts are .*types/);
});
