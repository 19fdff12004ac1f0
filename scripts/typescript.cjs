'use strict';
// Lets this process require TypeScript files. Compiles with the .swcrc of the build, so that scripts, tests and the
// service run the same code.
const { join } = require('node:path');
const { transformFileSync } = require('@swc/core');

// Found also when the working directory is a folder below.
const configFile = join(__dirname, '..', '.swcrc');

require.extensions['.ts'] = (module, filename) => {
  module._compile(transformFileSync(filename, { configFile, sourceMaps: 'inline' }).code, filename);
};
process.setSourceMapsEnabled(true);
