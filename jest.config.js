/** Packages that are ES modules, or import some at run time. They are compiled, as jest runs CommonJS. */
const modules = [
  'jose',
  'uuid',
  '@graphql-hive/router-runtime',
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/otlp-exporter-base',
];

/** Each file has a module registry of its own. */
const isolated = {
  testEnvironment: 'node',
  transform: { '^.+\\.[cm]?[jt]s$': '@swc/jest' },
  transformIgnorePatterns: [`/node_modules/(?!(${modules.join('|')})/)`],
  setupFiles: ['reflect-metadata'],
};

/** The files of a worker share loaded modules: loading the service takes longer than starting it. */
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
      ...shared,
      ...services,
      displayName: 'contract',
      testMatch: ['<rootDir>/test/contract/**/*.test.ts'],
    },
  ],
  testTimeout: 30_000,
  // On two cores jest would use one worker; tests mostly wait for services, so three fit.
  maxWorkers: 3,
};
