'use strict';

/**
 * The import rules. The folders of src form floors, and imports point downwards only. Each library has one folder
 * that imports it. Only the files at the top of src and the commands compose.
 * test/contract/import-rules.test.ts shows each rule failing, and fails for a rule without an example.
 */

/** The folders of src, from the lowest floor to the highest. Folders of one floor do not import each other. */
const floors = [
  ['scheduling', 'files'],
  ['telemetry', 'personal-data'],
  ['postgres', 'redis', 'rabbitmq', 'authentication'],
  ['embedded-postgres', 'explorer', 'subgraph', 'erased', 'history', 'outbox'],
  ['audit', 'parked'],
  ['users', 'commerce', 'activity'],
  ['consent', 'privacy', 'verification'],
  ['graphql', 'consumers'],
  ['http'],
];
const doors = 'graphql|http|consumers';
const composers =
  '^src/(app|backing-services|cli|data-source|doors|intake|late-read-sources|main|services|upkeep|wakeups)\\.ts$|^src/commands/';

/** What a developer's machine needs, and production neither needs nor loads. */
const developmentAids = '^src/(embedded-postgres|explorer)/|^src/authentication/development-issuer\\.ts$';

const npm = (...names) => `(^|/)node_modules/(${names.join('|')})/`;

/** A library is imported only in its home folder, including its types. */
const home = (name, packages, path, comment) => ({
  name: `home-of-${name}`,
  comment,
  severity: 'error',
  from: { path: '^src/', pathNot: path },
  to: { path: npm(...packages) },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Move the shared code to the lower of the two files.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...floors.slice(0, -1).map((rooms, floor) => ({
      name: `downwards-from-${rooms.join('-')}`,
      comment:
        'A folder imports only from lower floors, not from its own: move the code down or accept it as a parameter.',
      severity: 'error',
      from: { path: `^src/(${rooms.join('|')})/` },
      to: { path: `^src/(${floors.slice(floor).flat().join('|')})/`, pathNot: '^src/$1/' },
    })),
    {
      name: 'doors-do-not-reach-past-nouns',
      comment: 'Call the noun: a door runs no SQL and no Redis command, and publishes nothing.',
      severity: 'error',
      from: { path: `^src/(${doors})/` },
      // Deliveries, page cursors and checks of text are plain, independent of the broker or table.
      to: {
        path: '^src/(postgres|redis|rabbitmq|outbox)/',
        pathNot: '^src/rabbitmq/(broker|topology)\\.ts$|^src/postgres/(keyset|storable-text)\\.ts$',
      },
    },
    {
      name: 'config-stands-alone',
      comment: 'loadConfig is pure: environment in, settings out. It imports pure files only.',
      severity: 'error',
      from: { path: '^src/(config|settings|setting-urls)\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(settings|setting-urls|package-root|redis/sentinel-url)\\.ts$' },
    },
    {
      name: 'only-composers-read-config',
      comment: 'Accept the options as plain parameters; app.ts and the commands pass them.',
      severity: 'error',
      from: { path: '^src/', pathNot: composers },
      to: { path: '^src/config\\.ts$' },
    },
    {
      name: 'only-composers-compose',
      comment:
        'app.ts, backing-services.ts, doors.ts, wakeups.ts, data-source.ts, services.ts, late-read-sources.ts, intake.ts, upkeep.ts, main.ts, cli.ts, commands/ compose the service: no file below imports them.',
      severity: 'error',
      from: { path: '^src/', pathNot: composers },
      to: { path: composers },
    },
    {
      name: 'development-aids-load-on-demand',
      comment:
        'Load it with `await import()` where the settings ask for it: production never runs this code.',
      severity: 'error',
      from: { path: '^src/', pathNot: developmentAids },
      to: { path: developmentAids, dynamic: false },
    },
    {
      name: 'migrations-stand-alone',
      comment: 'A migration must not change after it landed, so it imports no code that can change.',
      severity: 'error',
      from: { path: '^migrations/' },
      to: { path: '^(src|test|scripts|bench)/' },
    },
    {
      name: 'src-knows-no-test',
      comment: 'Code that the service needs belongs in src; test/, scripts/ and bench/ import it from there.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts|bench|supergraph|examples)/' },
    },
    {
      name: 'src-runs-on-dependencies',
      comment: 'The image installs no devDependencies: move the package to dependencies.',
      severity: 'error',
      from: { path: '^(src|migrations)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm'] },
    },
    {
      name: 'imports-are-declared',
      comment: 'Add the package to package.json with an exact version, or correct the path.',
      severity: 'error',
      from: { path: '^(src|migrations|test|scripts|bench|supergraph|examples)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'] },
    },
    home(
      'graphql',
      ['graphql', 'type-graphql', 'graphql-scalars', 'dataloader', '@apollo/subgraph'],
      '^src/(graphql|subgraph)/',
      'Nouns return plain objects; graphql/ contains types, resolvers and loaders.',
    ),
    home(
      'apollo-server',
      ['@apollo/server', '@as-integrations/fastify'],
      '^src/(graphql|subgraph|http)/',
      'graphql/ creates the server and http/ mounts it.',
    ),
    home(
      'fastify',
      ['fastify', '@fastify/[^/]+', '@graphql-yoga/render-graphiql'],
      '^src/(http|explorer)/',
      'Routes belong in http/.',
    ),
    home('redis', ['ioredis'], '^src/redis/', 'Use the record cache of redis/.'),
    home('rabbitmq', ['amqplib', '@types/amqplib'], '^src/rabbitmq/', 'Use the publisher of rabbitmq/.'),
    home(
      'postgres',
      ['typeorm', 'pg', '@types/pg'],
      '^src/(embedded-)?postgres/|^src/data-source\\.ts$|\\.(entity|repository)\\.ts$',
      'SQL belongs in repositories; begin transactions through postgres/.',
    ),
    home(
      'jose',
      ['jose'],
      '^src/authentication/|^src/(verification|consent)/(email-verification|unsubscribe)-token\\.ts$',
      'authentication/ verifies and signs tokens.',
    ),
    home(
      'opentelemetry',
      ['@opentelemetry/[^/]+'],
      '^src/telemetry/',
      'Accept a Tracing (null when tracing is off) and begin a span under a traceparent.',
    ),
    home(
      'commander',
      ['commander'],
      '^src/cli\\.ts$|^src/commands/',
      'Commands belong in commands/, one file each.',
    ),
    home('csv-parse', ['csv-parse'], '^src/commands/bulk/', 'bulk/ reads the files of import.'),
  ],
  options: {
    // TypeScript 7 has no parser API. The parser of swc also reports type-only imports.
    parser: 'swc',
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    doNotFollow: { path: 'node_modules' },
    // Programs with dependencies of their own, and generated code.
    exclude: { path: '^(bench/peers|examples/client)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'node', 'import', 'require', 'default'],
      extensions: ['.ts', '.js', '.json'],
      mainFields: ['types', 'main'],
    },
  },
};
