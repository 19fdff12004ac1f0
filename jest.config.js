/** Packages that are published as ES modules, or import some when they run; jest runs CommonJS. */
const modules = [
  'jose',
  'uuid',
  '@graphql-hive/router-runtime',
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/otlp-exporter-base',
];

/** Each file loads what it needs anew, and may replace it. */
const isolated = {
  testEnvironment: 'node',
  transform: { '^.+\\.[cm]?[jt]s$': '@swc/jest' },
  transformIgnorePatterns: [`/node_modules/(?!(${modules.join('|')})/)`],
  setupFiles: ['reflect-metadata'],
};

/** The files of a worker share what they load: the whole service, which takes longer to load than to start. */
const shared = {
  runner: 'jest-light-runner',
  setupFiles: ['<rootDir>/test/testkit/required-natively.cjs'],
  setupFilesAfterEnv: ['<rootDir>/test/testkit/bounded-tests.ts'],
};

const services = {
  globalSetup: '<rootDir>/test/testkit/global-setup.ts',
  globalTeardown: '<rootDir>/test/testkit/global-teardown.ts',
};

/** @type {import('jest').Config} */
module.exports = {
  projects: [
    { ...isolated, displayName: 'unit', testMatch: ['<rootDir>/test/unit/**/*.test.ts'] },
    {
      ...isolated,
      ...shared,
      ...services,
      displayName: 'integration',
      testMatch: ['<rootDir>/test/integration/**/*.test.ts'],
    },
    {
      ...isolated,
      ...services,
      displayName: 'contract',
      testMatch: ['<rootDir>/test/contract/**/*.test.ts'],
    },
  ],
  testTimeout: 30_000,
  // On two cores jest would take one worker; tests that wait for services leave room for three.
  maxWorkers: 3,
};
