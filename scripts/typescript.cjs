'use strict';
// Lets this process require TypeScript files. Compiles with the .swcrc of the build, so that scripts, tests and the
// service run the same code.
const { transformFileSync } = require('@swc/core');

require.extensions['.ts'] = (module, filename) => {
  module._compile(transformFileSync(filename, { sourceMaps: 'inline' }).code, filename);
};
process.setSourceMapsEnabled(true);
