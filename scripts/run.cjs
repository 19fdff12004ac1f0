'use strict';
// Runs a TypeScript script in place: `node scripts/run.cjs scripts/check.ts`.
const { resolve } = require('node:path');
require('./typescript.cjs');

process.argv.splice(1, 1);
require(resolve(process.argv[1]));
