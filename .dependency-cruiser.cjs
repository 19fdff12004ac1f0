'use strict';

/**
 * The import rules of the house. Imports point from a door to a noun to a backing service, a library has
 * one home, and only app.ts and the commands put things together. test/contract/import-rules.test.ts shows
 * each rule failing, and fails itself for a rule without an offender.
 */

const doors = 'graphql|http|consumers';
const nouns = 'users|history|privacy|audit';
const doorOut = 'outbox';
const backingServices = 'postgres|redis|rabbitmq';
const composers = '^src/(app|cli|data-source|intake|main|services|upkeep)\\.ts$|^src/commands/';

const npm = (...names) => `(^|/)node_modules/(${names.join('|')})/`;

/** A library is imported in its home and nowhere else in src, types included. */
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
      comment: 'Move what both files need into the file that is nearer to the backing services.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nouns-know-no-door',
      comment: 'A noun is called by doors. Hand it what it needs as a parameter.',
      severity: 'error',
      from: { path: `^src/(${nouns})/` },
      to: { path: `^src/(${doors})/` },
    },
    {
      name: 'door-out-knows-no-door-or-noun',
      comment: 'The outbox carries events without knowing who made them: the noun builds the event.',
      severity: 'error',
      from: { path: `^src/${doorOut}/` },
      to: { path: `^src/(${doors}|${nouns}|authentication)/` },
    },
    {
      name: 'backing-services-know-nothing-above',
      comment: 'Give the backing service a plain parameter or callback.',
      severity: 'error',
      from: { path: `^src/(${backingServices})/` },
      to: { path: `^src/(${doors}|${nouns}|${doorOut}|authentication)/` },
    },
    {
      name: 'backing-services-know-not-each-other',
      comment: 'Two backing services meet in a noun or in app.ts.',
      severity: 'error',
      from: { path: `^src/(${backingServices})/` },
      to: { path: `^src/(${backingServices})/`, pathNot: '^src/$1/' },
    },
    {
      name: 'doors-do-not-reach-past-nouns',
      comment: 'Ask the noun: a door speaks neither SQL nor Redis nor AMQP.',
      severity: 'error',
      from: { path: `^src/(${doors})/` },
      // What a broker delivers is what consumers/ read, whichever broker it is.
      to: {
        path: `^src/(${backingServices}|${doorOut})/`,
        pathNot: '^src/rabbitmq/(broker|topology)\\.ts$|^src/postgres/keyset\\.ts$',
      },
    },
    {
      name: 'graphql-knows-no-other-door',
      comment: 'http/ mounts graphql/, consumers/ stand alone.',
      severity: 'error',
      from: { path: '^src/graphql/' },
      to: { path: '^src/(http|consumers)/' },
    },
    {
      name: 'authentication-stands-alone',
      comment: 'Authentication tells who acts; it knows neither doors nor nouns nor backing services.',
      severity: 'error',
      from: { path: '^src/authentication/' },
      to: { path: `^src/(${doors}|${nouns}|${doorOut}|${backingServices})/` },
    },
    {
      name: 'telemetry-stands-alone',
      comment: 'Everybody logs and counts, so telemetry may import nothing of ours.',
      severity: 'error',
      from: { path: '^src/telemetry/' },
      to: { path: '^src/', pathNot: '^src/telemetry/' },
    },
    {
      name: 'config-stands-alone',
      comment: 'loadConfig is pure: environment in, settings out.',
      severity: 'error',
      from: { path: '^src/(config|settings)\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(settings|package-root)\\.ts$' },
    },
    {
      name: 'only-composers-read-config',
      comment: 'Take the options you need as plain parameters; app.ts and the commands pass them.',
      severity: 'error',
      from: { path: '^src/', pathNot: composers },
      to: { path: '^src/config\\.ts$' },
    },
    {
      name: 'only-composers-compose',
      comment:
        'app.ts, data-source.ts, services.ts, intake.ts, upkeep.ts, main.ts, cli.ts, commands/ are the top: nothing below imports them.',
      severity: 'error',
      from: { path: '^src/', pathNot: composers },
      to: { path: composers },
    },
    {
      name: 'migrations-stand-alone',
      comment: 'A migration is history: it must do tomorrow what it did on the day it landed.',
      severity: 'error',
      from: { path: '^migrations/' },
      to: { path: '^(src|test|scripts|bench)/' },
    },
    {
      name: 'src-knows-no-test',
      comment: 'What the service needs lives in src; test/, scripts/ and bench/ import it from there.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts|bench)/' },
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
      comment: 'Add the package to package.json with an exact version, or mend the path.',
      severity: 'error',
      from: { path: '^(src|migrations|test|scripts|bench)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'] },
    },
    home(
      'graphql',
      ['graphql', 'type-graphql', 'graphql-scalars', 'dataloader', '@apollo/subgraph'],
      '^src/(graphql|subgraph)/',
      'Nouns answer plain objects; types, resolvers and loaders are made in graphql/.',
    ),
    home(
      'apollo-server',
      ['@apollo/server', '@as-integrations/fastify'],
      '^src/(graphql|subgraph|http)/',
      'The server is made in graphql/ and mounted in http/.',
    ),
    home(
      'fastify',
      ['fastify', '@fastify/[^/]+', '@graphql-yoga/render-graphiql'],
      '^src/(http|explorer)/',
      'Routes live in http/.',
    ),
    home('redis', ['ioredis'], '^src/redis/', 'Use the record cache of redis/.'),
    home('rabbitmq', ['amqplib', '@types/amqplib'], '^src/rabbitmq/', 'Use the publisher of rabbitmq/.'),
    home(
      'postgres',
      ['typeorm', 'pg', '@types/pg'],
      '^src/(embedded-)?postgres/|^src/data-source\\.ts$|\\.(entity|repository)\\.ts$',
      'SQL lives in repositories; begin a transaction through postgres/.',
    ),
    home(
      'jose',
      ['jose'],
      '^src/authentication/|^src/(users|consent)/(email-verification|unsubscribe)-token\\.ts$',
      'Tokens are checked and made in authentication/.',
    ),
    home(
      'opentelemetry',
      ['@opentelemetry/[^/]+'],
      '^src/telemetry/',
      'Take a Tracing, null where there is none, and begin a span under a traceparent.',
    ),
    home(
      'commander',
      ['commander'],
      '^src/cli\\.ts$|^src/commands/',
      'Commands live in commands/, one file each.',
    ),
  ],
  options: {
    // TypeScript 7 has no parser API; swc's also sees imports that only carry types.
    parser: 'swc',
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'node', 'import', 'require', 'default'],
      extensions: ['.ts', '.js', '.json'],
      mainFields: ['types', 'main'],
    },
  },
};
