'use strict';
// jest-light-runner imports test files as ES modules. These hooks make Node require them instead, each test file
// again but the modules they share once per worker.
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

// The pool would never notice that the thread has ended.
if (!isMainThread)
  process.exit = (code) => {
    throw new Error(`A test ended its process, with exit code ${code}.`);
  };
