import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const top = resolve(__dirname, '../..');
const configFile = join(top, '.dependency-cruiser.cjs');

interface Offender {
  rule: string;
  file: string;
  imports: string;
}

/** For each rule, a file that breaks only this rule. */
const offenders: Offender[] = [
  { rule: 'no-cycles', file: 'src/users/circle-begin.ts', imports: './circle-end' },
  { rule: 'downwards-from-scheduling-files', file: 'src/scheduling/up.ts', imports: '../telemetry/thing' },
  { rule: 'downwards-from-scheduling-files', file: 'src/files/aside.ts', imports: '../scheduling/thing' },
  { rule: 'downwards-from-telemetry-personal-data', file: 'src/telemetry/up.ts', imports: '../users/thing' },
  {
    rule: 'downwards-from-telemetry-personal-data',
    file: 'src/personal-data/aside.ts',
    imports: '../telemetry/thing',
  },
  {
    rule: 'downwards-from-postgres-redis-rabbitmq-authentication',
    file: 'src/redis/up.ts',
    imports: '../users/thing',
  },
  {
    rule: 'downwards-from-postgres-redis-rabbitmq-authentication',
    file: 'src/redis/aside.ts',
    imports: '../postgres/thing',
  },
  {
    rule: 'downwards-from-embedded-postgres-explorer-subgraph-erased-history-outbox',
    file: 'src/outbox/up.ts',
    imports: '../users/thing',
  },
  {
    rule: 'downwards-from-embedded-postgres-explorer-subgraph-erased-history-outbox',
    file: 'src/subgraph/up.ts',
    imports: '../graphql/door',
  },
  { rule: 'downwards-from-audit-parked', file: 'src/audit/up.ts', imports: '../users/thing' },
  { rule: 'downwards-from-users-commerce-activity', file: 'src/users/up.ts', imports: '../consent/thing' },
  {
    rule: 'downwards-from-users-commerce-activity',
    file: 'src/commerce/aside.ts',
    imports: '../users/thing',
  },
  {
    rule: 'downwards-from-consent-privacy-verification',
    file: 'src/privacy/up.ts',
    imports: '../consumers/door',
  },
  { rule: 'downwards-from-graphql-consumers', file: 'src/graphql/up.ts', imports: '../http/door' },
  { rule: 'doors-do-not-reach-past-nouns', file: 'src/graphql/past.ts', imports: '../redis/thing' },
  { rule: 'doors-do-not-reach-past-nouns', file: 'src/consumers/past.ts', imports: '../outbox/thing' },
  { rule: 'config-stands-alone', file: 'src/config.ts', imports: './users/thing' },
  { rule: 'only-composers-read-config', file: 'src/history/reads.ts', imports: '../config' },
  { rule: 'only-composers-compose', file: 'src/history/composes.ts', imports: '../app' },
  { rule: 'only-composers-compose', file: 'src/http/composes.ts', imports: '../commands/serve' },
  { rule: 'only-composers-compose', file: 'src/users/composes.ts', imports: '../services' },
  { rule: 'development-aids-load-on-demand', file: 'src/app.development.ts', imports: './explorer/thing' },
  {
    rule: 'development-aids-load-on-demand',
    file: 'src/commands/joins.ts',
    imports: '../embedded-postgres/thing',
  },
  {
    rule: 'development-aids-load-on-demand',
    file: 'src/users/issues.ts',
    imports: '../authentication/development-issuer',
  },
  { rule: 'migrations-stand-alone', file: 'migrations/1700000000000-Add.ts', imports: '../src/users/thing' },
  { rule: 'src-knows-no-test', file: 'src/users/tested.ts', imports: '../../test/testkit/thing' },
  { rule: 'src-runs-on-dependencies', file: 'src/users/developing.ts', imports: 'only-for-developers' },
  { rule: 'imports-are-declared', file: 'src/users/undeclared.ts', imports: 'undeclared-package' },
  { rule: 'imports-are-declared', file: 'bench/undeclared.ts', imports: 'undeclared-package' },
  { rule: 'home-of-graphql', file: 'src/users/user-type.ts', imports: 'type-graphql' },
  { rule: 'home-of-graphql', file: 'src/http/parses.ts', imports: 'graphql' },
  { rule: 'home-of-apollo-server', file: 'src/users/serves.ts', imports: '@apollo/server' },
  { rule: 'home-of-fastify', file: 'src/graphql/routes.ts', imports: 'fastify' },
  { rule: 'home-of-redis', file: 'src/users/user.cache.ts', imports: 'ioredis' },
  { rule: 'home-of-rabbitmq', file: 'src/outbox/outbox.relay.ts', imports: 'amqplib' },
  { rule: 'home-of-postgres', file: 'src/users/user.service.ts', imports: 'typeorm' },
  { rule: 'home-of-postgres', file: 'src/graphql/user.resolver.ts', imports: 'pg' },
  { rule: 'home-of-jose', file: 'src/http/tokens.ts', imports: 'jose' },
  { rule: 'home-of-opentelemetry', file: 'src/outbox/traces.ts', imports: '@opentelemetry/api' },
  { rule: 'home-of-commander', file: 'src/main.ts', imports: 'commander' },
  { rule: 'home-of-csv-parse', file: 'src/commands/reads.ts', imports: 'csv-parse' },
];

/** Allowed imports that resemble the offenders. */
const allowed: Array<Omit<Offender, 'rule'>> = [
  { file: 'src/users/user.repository.ts', imports: 'typeorm' },
  { file: 'src/graphql/user-allowed.resolver.ts', imports: '../users/thing' },
  { file: 'src/graphql/schema.ts', imports: 'type-graphql' },
  { file: 'src/http/server.ts', imports: '../graphql/door' },
  { file: 'src/http/server.fastify.ts', imports: 'fastify' },
  { file: 'src/http/server.apollo.ts', imports: '@apollo/server' },
  { file: 'src/users/cached.ts', imports: '../redis/thing' },
  { file: 'src/users/published.ts', imports: '../outbox/thing' },
  { file: 'src/users/who.ts', imports: '../authentication/actor' },
  { file: 'src/telemetry/waits.ts', imports: '../scheduling/thing' },
  { file: 'src/outbox/logs.ts', imports: '../telemetry/thing' },
  { file: 'src/outbox/publishes.ts', imports: '../rabbitmq/thing' },
  { file: 'src/data-source.ts', imports: 'typeorm' },
  { file: 'src/redis/client.ts', imports: 'ioredis' },
  { file: 'src/rabbitmq/connection.ts', imports: 'amqplib' },
  { file: 'src/verification/email-verification-token.ts', imports: 'jose' },
  { file: 'src/consent/unsubscribe-token.ts', imports: 'jose' },
  { file: 'src/telemetry/spans.ts', imports: '@opentelemetry/api' },
  { file: 'src/app.ts', imports: './config' },
  { file: 'src/cli.ts', imports: './commands/serve' },
  { file: 'src/commands/serve.ts', imports: 'commander' },
  { file: 'test/unit/anything.test.ts', imports: '../../src/users/thing' },
];

const dependencyNames =
  '@apollo/server @opentelemetry/api amqplib commander csv-parse fastify graphql ioredis jose pg type-graphql typeorm'.split(
    ' ',
  );

let folder: string;
let violations: Array<{ from: string; to: string; rule: string }>;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function install(name: string): void {
  write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
  write(`node_modules/${name}/index.js`, '');
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'import-rules-'));
  for (const name of [...dependencyNames, 'only-for-developers', 'undeclared-package']) install(name);
  write(
    'package.json',
    JSON.stringify({
      dependencies: Object.fromEntries(dependencyNames.map((name) => [name, '1.0.0'])),
      devDependencies: { 'only-for-developers': '1.0.0' },
    }),
  );
  for (const place of [
    'users',
    'consent',
    'postgres',
    'redis',
    'rabbitmq',
    'outbox',
    'telemetry',
    'files',
    'scheduling',
    'explorer',
    'embedded-postgres',
  ]) {
    write(`src/${place}/thing.ts`, 'export const thing = 1;\n');
  }
  for (const place of ['graphql', 'http', 'consumers']) write(`src/${place}/door.ts`, 'export {};\n');
  write('src/authentication/actor.ts', 'export {};\n');
  write('src/authentication/development-issuer.ts', 'export {};\n');
  write('src/loads-on-demand.ts', "export const explorer = () => import('./explorer/thing');\n");
  write('src/services.ts', 'export {};\n');
  write('test/testkit/thing.ts', 'export {};\n');
  // Types count as much as values: half of the fixtures import nothing else.
  [...offenders, ...allowed].forEach(({ file, imports }, index) => {
    write(file, `import ${index % 2 === 0 ? 'type ' : ''}{ thing } from '${imports}';\nexport { thing };\n`);
  });
  write('src/users/circle-end.ts', "export { thing } from './circle-begin';\n");

  const cruise = [join(top, 'node_modules/.bin/depcruise'), '--config', configFile, '--output-type', 'json'];
  let report: string;
  try {
    report = execFileSync(process.execPath, [...cruise, 'src', 'migrations', 'test', 'bench'], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    // depcruise exits with the number of violations.
    report = (error as { stdout: string }).stdout;
  }
  const { summary } = JSON.parse(report) as {
    summary: { violations: Array<{ from: string; to: string; rule: { name: string } }> };
  };
  violations = summary.violations.map(({ from, to, rule }) => ({ from, to, rule: rule.name }));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each(offenders)('$rule rejects the import of $imports in $file', ({ rule, file }) => {
  expect(violations.filter(({ from }) => from === file).map((violation) => violation.rule)).toEqual([rule]);
});

it('the import rules accept allowed imports', () => {
  const files = new Set([...allowed.map(({ file }) => file), 'src/loads-on-demand.ts']);
  expect(violations.filter(({ from }) => files.has(from))).toEqual([]);
});

it('every import rule has an offender here', () => {
  const { forbidden } = require(configFile) as { forbidden: Array<{ name: string }> };
  const shown = new Set(offenders.map(({ rule }) => rule));
  expect(forbidden.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([]);
});

it('the import rules place every folder of src on a floor', () => {
  const { forbidden } = require(configFile) as {
    forbidden: Array<{ name: string; to: { path?: string } }>;
  };
  // The rule of the lowest floor names every folder.
  const [lowest] = forbidden.filter(({ name }) => name.startsWith('downwards-from-'));
  const folders = readdirSync(join(top, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'commands')
    .map(({ name }) => name);
  expect(folders.filter((name) => !new RegExp(lowest?.to.path ?? '').test(`src/${name}/`))).toEqual([]);
});
