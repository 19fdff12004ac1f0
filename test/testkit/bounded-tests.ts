import { setImmediate as nextTurn } from 'node:timers/promises';
import { addEventHandler, getState } from 'jest-circus';

const { testTimeout } = require('../../jest.config') as { testTimeout: number };
/** What jest's runner asks after each test, and its types leave out. */
const assertions = expect as typeof expect & { extractExpectedAssertionsErrors(): { error: Error }[] };

/**
 * What jest's own runner does and jest-light-runner does not: a test or hook fails that takes longer than the limit
 * it names, or than jest's, or during which an error went unheard, or an assertion that it counts on did not run.
 * One that would call back when it is done is refused: nothing here waits for that.
 */
addEventHandler(({ name }) => {
  const { children, hooks } = getState().currentDescribeBlock;
  const added = name === 'add_test' ? children.at(-1) : name === 'add_hook' ? hooks.at(-1) : undefined;
  if (!added || added.type === 'describeBlock') return;
  const run = added.fn as () => unknown;
  const limitMs = added.timeout ?? testTimeout;
  added.fn = async () => {
    if (run.length > 0) throw new Error('It takes a callback; answer a promise instead.');
    await bounded(run, limitMs).finally(() => {
      // Asked in any case: the next one would be held to what this one counted on.
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
    // A rejection that nobody handles is known in the next turn.
    await Promise.race([Promise.resolve(run()).then(() => nextTurn()), failed]);
  } finally {
    clearTimeout(timer);
    process.off('unhandledRejection', fail).off('uncaughtException', fail);
  }
}
