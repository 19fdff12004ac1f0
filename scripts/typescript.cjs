'use strict';
// Lets this process require TypeScript in place. Compiles with the .swcrc of the build, so that what the scripts
// and the tests load is what the service runs.
const { transformFileSync } = require('@swc/core');

require.extensions['.ts'] = (module, filename) => {
  module._compile(transformFileSync(filename, { sourceMaps: 'inline' }).code, filename);
};
process.setSourceMapsEnabled(true);
