import { setImmediate as nextTurn } from 'node:timers/promises';
import { addEventHandler, getState } from 'jest-circus';

const { testTimeout } = require('../../jest.config') as { testTimeout: number };

/**
 * What jest's own runner does and jest-light-runner does not: a test or hook fails that takes longer than the limit
 * it names, or than jest's, or during which an error went unheard.
 */
addEventHandler(({ name }) => {
  const { children, hooks } = getState().currentDescribeBlock;
  const added = name === 'add_test' ? children.at(-1) : name === 'add_hook' ? hooks.at(-1) : undefined;
  if (!added || added.type === 'describeBlock') return;
  const run = added.fn as () => unknown;
  const limitMs = added.timeout ?? testTimeout;
  added.fn = () => bounded(run, limitMs);
});

async function bounded(run: () => unknown, limitMs: number): Promise<void> {
  let fail: (reason: unknown) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const timer = setTimeout(() => fail(new Error(`It took longer than ${limitMs} ms.`)), limitMs);
  process.on('unhandledRejection', fail).on('uncaughtException', fail);
  try {
    // A rejection that nobody handles is known in the next turn.
    await Promise.race([Promise.resolve(run()).then(() => nextTurn()), failed]);
  } finally {
    clearTimeout(timer);
    process.off('unhandledRejection', fail).off('uncaughtException', fail);
  }
}
