import type { LanesRelay, RelayRound } from '../../../src/outbox/lanes.relay';
import { RelayLoop } from '../../../src/outbox/relay-loop';

const nothing: RelayRound = { published: [], unfinished: [], busy: [] };

/**
 * A loop over rounds that a test decides. The relay is a stand-in, because only the schedule is tested, with a fake
 * clock. `rounds` has the lanes of each round so far, with its time.
 */
function buildLoop(publish: (round: number) => Partial<RelayRound>, gatheringMs = 0) {
  const startedAt = Date.now();
  const rounds: [lanes: string, atMs: number][] = [];
  const failures: unknown[] = [];
  const stopping = new AbortController();
  const lanes: Pick<LanesRelay, 'publishPending'> = {
    publishPending: async (taken) => {
      rounds.push([taken.join(), Date.now() - startedAt]);
      return { ...nothing, ...publish(rounds.length) };
    },
  };
  const loop = new RelayLoop({
    lanes: lanes as LanesRelay,
    gatheringMs,
    signal: stopping.signal,
    onRound: async () => undefined,
    onFailure: (error) => failures.push(error),
  });
  return { loop, rounds, failures, stopping };
}

const refusing = (rounds: readonly number[]) => (round: number) => {
  if (rounds.includes(round)) throw new Error('away');
  return {};
};

describe('RelayLoop', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('retries a busy lane until no other relay has locked it', async () => {
    const { loop, rounds } = buildLoop((round) => (round < 4 ? { busy: [3] } : {}));
    loop.wake(3);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(rounds.map(([lanes]) => lanes)).toEqual(['3', '3', '3', '3']);
  });

  it('retries the lanes of a round that failed, with those woken since', async () => {
    const { loop, rounds, failures } = buildLoop(refusing([1]));
    loop.wake(1);
    loop.wake(2);
    await jest.advanceTimersByTimeAsync(50);
    loop.wake(3);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(rounds.map(([lanes]) => lanes.split(',').sort().join())).toEqual(['1', '1,2,3']);
    expect(failures).toEqual([new Error('away')]);
  });

  it('waits twice as long after each failure, two seconds at most, and starts over after a success', async () => {
    const refuse = refusing([1, 2, 3, 4, 5, 6, 8]);
    const { loop, rounds } = buildLoop((round) => (round === 7 ? { unfinished: [1] } : refuse(round)));
    loop.wake(1);
    await jest.advanceTimersByTimeAsync(20_000);
    const pauses = rounds.slice(1).map(([, atMs], at) => atMs - (rounds[at]?.[1] ?? 0));
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 2_000, 0, 100]);
  });

  it('gathers commits before a round, except for lanes that have more to publish', async () => {
    const { loop, rounds } = buildLoop((round) => (round === 1 ? { unfinished: [5] } : {}), 100);
    loop.wake(5);
    await jest.advanceTimersByTimeAsync(1_000);
    loop.wake(5);
    await jest.advanceTimersByTimeAsync(99);
    expect(rounds).toEqual([
      ['5', 100],
      ['5', 100],
    ]);
    await jest.advanceTimersByTimeAsync(1);
    expect(rounds).toHaveLength(3);
  });

  it('runs no round once its signal is aborted', async () => {
    const { loop, rounds, stopping } = buildLoop(() => ({ busy: [3] }));
    loop.wake(3);
    await jest.advanceTimersByTimeAsync(1);
    stopping.abort();
    loop.wake(4);
    await jest.advanceTimersByTimeAsync(1_000);
    await loop.whenIdle();
    expect(rounds).toHaveLength(1);
  });
});
