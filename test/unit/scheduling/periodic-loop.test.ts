import { PeriodicLoop } from '../../../src/scheduling/periodic-loop';

const intervalMs = 1_000;

/** A loop whose passes last until the test ends them. */
function startLoop(startsImmediately: boolean) {
  const passes: { signal: AbortSignal; resolve: () => void; reject: (error: Error) => void }[] = [];
  const onFailure = jest.fn();
  const loop = new PeriodicLoop({
    intervalMs,
    startsImmediately,
    work: (signal) => new Promise<void>((resolve, reject) => passes.push({ signal, resolve, reject })),
    onFailure,
  });
  loop.start();
  return { loop, passes, onFailure };
}

describe('PeriodicLoop', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it.each([
    [true, 0],
    [false, intervalMs],
  ])(
    'runs the first pass after the right time when startsImmediately is %s',
    async (immediately, firstMs) => {
      const { loop, passes } = startLoop(immediately);
      if (firstMs > 0) await jest.advanceTimersByTimeAsync(firstMs - 1);
      expect(passes).toHaveLength(immediately ? 1 : 0);
      await jest.advanceTimersByTimeAsync(1);
      expect(passes).toHaveLength(1);
      passes[0]?.resolve();
      await loop.stop();
    },
  );

  it('runs one pass at a time, and the next one an interval after the end of the last', async () => {
    const { loop, passes } = startLoop(true);
    loop.start();
    await jest.advanceTimersByTimeAsync(3 * intervalMs);
    expect(passes).toHaveLength(1);
    passes[0]?.resolve();
    await jest.advanceTimersByTimeAsync(intervalMs - 1);
    expect(passes).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(passes).toHaveLength(2);
    passes[1]?.resolve();
    await loop.stop();
  });

  it('reports a pass that failed, and runs the next one', async () => {
    const { loop, passes, onFailure } = startLoop(true);
    passes[0]?.reject(new Error('away'));
    await jest.advanceTimersByTimeAsync(intervalMs);
    expect(onFailure.mock.calls).toEqual([[new Error('away')]]);
    expect(passes).toHaveLength(2);
    passes[1]?.resolve();
    await loop.stop();
  });

  it('aborts the signal on stop, waits for the pass in progress, and runs no other', async () => {
    const { loop, passes } = startLoop(true);
    const stopped = jest.fn();
    const stopping = loop.stop().then(stopped);
    expect(passes[0]?.signal.aborted).toBe(true);
    await jest.advanceTimersByTimeAsync(3 * intervalMs);
    expect(stopped).not.toHaveBeenCalled();
    passes[0]?.resolve();
    await stopping;
    await jest.advanceTimersByTimeAsync(3 * intervalMs);
    expect(passes).toHaveLength(1);
  });

  it('stops without waiting for the interval', async () => {
    const { loop, passes } = startLoop(false);
    await loop.stop();
    expect(passes).toHaveLength(0);
  });
});
