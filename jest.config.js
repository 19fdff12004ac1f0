/** Packages that are published as ES modules, or import some when they run; jest runs CommonJS. */
const modules = [
  'jose',
  'uuid',
  '@graphql-hive/router-runtime',
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/otlp-exporter-base',
];

/** @type {import('jest').Config} */
const project = {
  testEnvironment: 'node',
  transform: { '^.+\\.[cm]?[jt]s$': '@swc/jest' },
  transformIgnorePatterns: [`/node_modules/(?!(${modules.join('|')})/)`],
  setupFiles: ['reflect-metadata'],
};

const services = {
  globalSetup: '<rootDir>/test/testkit/global-setup.ts',
  globalTeardown: '<rootDir>/test/testkit/global-teardown.ts',
};

/** @type {import('jest').Config} */
module.exports = {
  projects: [
    { ...project, displayName: 'unit', testMatch: ['<rootDir>/test/unit/**/*.test.ts'] },
    {
      ...project,
      ...services,
      displayName: 'integration',
      testMatch: ['<rootDir>/test/integration/**/*.test.ts'],
    },
    { ...project, ...services, displayName: 'contract', testMatch: ['<rootDir>/test/contract/**/*.test.ts'] },
  ],
  testTimeout: 30_000,
  // The tests wait more than they compute: two workers also where jest would leave one core free.
  maxWorkers: 2,
};
