'use strict';
// Prepares a worker of jest-light-runner, which imports the test files as modules: has Node require them, each
// anew, so that what they require is loaded once in a worker, whichever file asked for it first.
const { register } = require('node:module');
const { isMainThread } = require('node:worker_threads');
require('../../scripts/typescript.cjs');
require('reflect-metadata');

const hooks = `
  const isTypeScript = (url) => url.startsWith('file:') && new URL(url).pathname.endsWith('.ts');
  export const resolve = (specifier, context, next) =>
    isTypeScript(specifier) ? { url: specifier, format: 'module', shortCircuit: true } : next(specifier, context);
  export const load = (url, context, next) => isTypeScript(url)
    ? { format: 'module', shortCircuit: true, source: \`
        import { createRequire } from 'node:module';
        import { fileURLToPath } from 'node:url';
        const file = fileURLToPath(import.meta.url);
        const require = createRequire(file);
        delete require.cache[file];
        require(file);\` }
    : next(url, context);
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

// The pool would wait for ever for a thread that is gone.
if (!isMainThread)
  process.exit = (code) => {
    throw new Error(`A test ended its process, with exit code ${code}.`);
  };
