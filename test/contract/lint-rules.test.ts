import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const top = resolve(__dirname, '../..');

interface Offender {
  habit: string;
  rule: string;
  file: string;
  text: string;
}

const offenders: Offender[] = [
  {
    habit: 'an unhandled promise',
    rule: 'typescript(no-floating-promises)',
    file: 'src/users/floating.ts',
    text: 'export async function load(): Promise<void> {}\nexport function start(): void {\n  load();\n}\n',
  },
  {
    habit: 'console outside the command line',
    rule: 'eslint(no-restricted-globals)',
    file: 'src/users/prints.ts',
    text: "console.log('here');\n",
  },
  {
    habit: 'process.env outside config.ts',
    rule: 'eslint(no-restricted-properties)',
    file: 'src/redis/reads-environment.ts',
    text: 'export const url = process.env.REDIS_URL;\n',
  },
  {
    habit: 'process.exit below main.ts',
    rule: 'eslint(no-restricted-properties)',
    file: 'src/redis/exits.ts',
    text: 'process.exit(1);\n',
  },
  {
    habit: 'a logger of its own',
    rule: 'eslint(no-restricted-imports)',
    file: 'src/users/logs.ts',
    text: "import { pino } from 'pino';\n\nexport const logger = pino();\n",
  },
  {
    habit: 'a metric of its own',
    rule: 'eslint(no-restricted-imports)',
    file: 'src/users/counts.ts',
    text: "import { Counter } from 'prom-client';\n\nexport const counter = Counter;\n",
  },
  {
    habit: 'a default export',
    rule: 'import(no-default-export)',
    file: 'src/users/default.ts',
    text: 'export default 1;\n',
  },
  {
    habit: 'any',
    rule: 'typescript(no-explicit-any)',
    file: 'src/users/any.ts',
    text: 'export const anything: any = 1;\n',
  },
  {
    habit: 'a test that runs alone',
    rule: 'jest(no-focused-tests)',
    file: 'test/unit/only.test.ts',
    text: "it.only('returns', () => {\n  expect(1).toBe(1);\n});\n",
  },
  {
    habit: 'a test that does not run',
    rule: 'jest(no-disabled-tests)',
    file: 'test/unit/skip.test.ts',
    text: "describe.skip('a user', () => {\n  it('returns', () => {\n    expect(1).toBe(1);\n  });\n});\n",
  },
  {
    habit: 'a test left for later',
    rule: 'eslint(no-restricted-properties)',
    file: 'test/unit/todo.test.ts',
    text: "it.todo('returns');\n",
  },
  {
    habit: 'a test that asserts nothing',
    rule: 'jest(expect-expect)',
    file: 'test/unit/nothing.test.ts',
    text: "it('returns', () => {\n  Math.max(1, 2);\n});\n",
  },
  {
    habit: 'a mocked module',
    rule: 'jest(no-restricted-jest-methods)',
    file: 'test/integration/mock.test.ts',
    text: "jest.mock('ioredis');\n\nit('returns', () => {\n  expect(1).toBe(1);\n});\n",
  },
  {
    habit: 'a sleep',
    rule: 'eslint(no-restricted-imports)',
    file: 'test/integration/sleep.test.ts',
    text:
      "import { setTimeout } from 'node:timers/promises';\n\n" +
      "it('returns', async () => {\n  await setTimeout(10);\n  expect(1).toBe(1);\n});\n",
  },
];

const allowed: Array<Pick<Offender, 'file' | 'text'>> = [
  { file: 'src/config.ts', text: 'export const url = process.env.REDIS_URL;\n' },
  { file: 'src/commands/token.ts', text: "console.log('a token');\n" },
  {
    file: 'src/users/takes-logger.ts',
    text: "import type { Logger } from 'pino';\n\nexport const log = (logger: Logger): void => logger.info('x');\n",
  },
  {
    file: 'src/telemetry/logger.ts',
    text: "import { pino } from 'pino';\n\nexport const logger = pino();\n",
  },
];

let folder: string;
let findings: Array<{ code: string; filename: string; message: string; help?: string }>;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lint-rules-'));
  symlinkSync(join(top, 'node_modules'), join(folder, 'node_modules'));
  for (const file of ['.oxlintrc.json', 'tsconfig.json']) copyFileSync(join(top, file), join(folder, file));
  for (const { file, text } of [...offenders, ...allowed]) write(file, text);
  const { stdout } = spawnSync(
    process.execPath,
    [join(top, 'node_modules/oxlint/bin/oxlint'), '--format', 'json'],
    { cwd: folder, encoding: 'utf8' },
  );
  findings = (JSON.parse(stdout) as { diagnostics: typeof findings }).diagnostics;
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each(offenders)('$rule rejects $habit', ({ rule, file }) => {
  expect(findings.filter(({ filename }) => filename === file).map(({ code }) => code)).toEqual([rule]);
});

it('the lint rules accept allowed code', () => {
  const files = new Set(allowed.map(({ file }) => file));
  expect(findings.filter(({ filename }) => files.has(filename))).toEqual([]);
});

it('the messages of no-restricted rules name the alternative', () => {
  const restricted = findings.filter(({ code }) => code.includes('no-restricted-'));
  expect(restricted.length).toBeGreaterThan(0);
  for (const { message, help } of restricted) {
    expect(`${message} ${help ?? ''}`).toMatch(
      /loadConfig|Logger|metrics|eventually|Throw|Write the test|Pass a/,
    );
  }
});
