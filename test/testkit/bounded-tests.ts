import { setImmediate as nextTurn } from 'node:timers/promises';
import { addEventHandler, getState } from 'jest-circus';

const { testTimeout } = require('../../jest.config') as { testTimeout: number };
/** jest's runner calls this after each test; its types omit it. */
const assertions = expect as typeof expect & { extractExpectedAssertionsErrors(): { error: Error }[] };

/**
 * Adds to jest-light-runner what jest's own runner checks. A test or hook fails if it exceeds its timeout, if an error
 * is unhandled during it, or if an expected assertion (`expect.assertions`) does not run. Callbacks (`done`) are
 * rejected.
 */
addEventHandler(({ name }) => {
  const { children, hooks } = getState().currentDescribeBlock;
  const added = name === 'add_test' ? children.at(-1) : name === 'add_hook' ? hooks.at(-1) : undefined;
  if (!added || added.type === 'describeBlock') return;
  const run = added.fn as () => unknown;
  const limitMs = added.timeout ?? testTimeout;
  added.fn = async () => {
    if (run.length > 0) throw new Error('It takes a callback; return a promise instead.');
    await bounded(run, limitMs).finally(() => {
      // Also after a failure: the expectation would otherwise apply to the next test.
      const [unmet] = assertions.extractExpectedAssertionsErrors();
      if (unmet) throw unmet.error;
    });
  };
});

async function bounded(run: () => unknown, limitMs: number): Promise<void> {
  let fail: (reason: unknown) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const timer = setTimeout(() => fail(new Error(`It took longer than ${limitMs} ms.`)), limitMs);
  process.on('unhandledRejection', fail).on('uncaughtException', fail);
  try {
    // Node reports an unhandled rejection in the next turn.
    await Promise.race([Promise.resolve(run()).then(() => nextTurn()), failed]);
  } finally {
    clearTimeout(timer);
    process.off('unhandledRejection', fail).off('uncaughtException', fail);
  }
}
