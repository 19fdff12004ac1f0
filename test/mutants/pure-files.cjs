'use strict';
// `npm run mutants:pure`: StrykerJS on the files without I/O, judged by the unit tests that mirror them.
const [unit] = require('../../jest.config.js').projects;

const mutate = [
  'src/users/{user.validation,user-profile,normalized}.ts',
  'src/consumers/{envelope,event-fields}.ts',
  'src/commerce/user-history.projection.ts',
  'src/consent/email-preferences.projection.ts',
  'src/subgraph/{operation-cost,connection}.ts',
  'src/graphql/users/user-cursors.ts',
  'src/personal-data/{expiries,personal-data-names,shown-fields}.ts',
];
const mirrors = mutate.map((file) => file.replace(/^src(.*)\.ts$/, '<rootDir>/test/unit$1.test.ts'));

/** @type {Record<string, unknown>} */
module.exports = {
  mutate,
  // The types check most objects and texts; the others are messages and descriptions.
  mutator: { excludedMutations: ['StringLiteral', 'ObjectLiteral'] },
  testRunner: 'jest',
  jest: {
    config: { ...unit, testMatch: [...mirrors, '<rootDir>/test/unit/consumers/read-message.test.ts'] },
  },
  coverageAnalysis: 'perTest',
  ignorePatterns: ['/*', '!/src', '!/test', '!/.swcrc', '!/package.json'],
  reporters: ['clear-text'],
  clearTextReporter: { allowColor: false, reportTests: false, logTests: false },
  tempDirName: '.data/stryker',
  concurrency: 1,
  // A mutant that runs out of time counts as found. Load must not be the reason.
  timeoutMS: 30_000,
  warnings: { slow: false },
};
