'use strict';
// Runs a TypeScript script in place: `node scripts/run.cjs scripts/check.ts`. Compiles with the .swcrc of the
// build, so that what the checks load is what the service runs.
const { resolve } = require('node:path');
const { transformFileSync } = require('@swc/core');

require.extensions['.ts'] = (module, filename) => {
  module._compile(transformFileSync(filename, { sourceMaps: 'inline' }).code, filename);
};
process.setSourceMapsEnabled(true);
process.argv.splice(1, 1);
require(resolve(process.argv[1]));
