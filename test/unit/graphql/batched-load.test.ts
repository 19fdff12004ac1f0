import { batchedLoad } from '../../../src/graphql/batched-load';

type Load = (ids: readonly string[], options: string) => Promise<ReadonlyMap<string, string>>;

function recordingLoad(onLoad: () => void = () => undefined) {
  const calls: [options: string, ids: readonly string[]][] = [];
  const load: Load = async (ids, options) => {
    calls.push([options, ids]);
    onLoad();
    return new Map(ids.map((id) => [id, `${options} ${id}`]));
  };
  return { calls, load: batchedLoad(load, (options: string) => options) };
}

describe('batchedLoad', () => {
  it('loads each user once for all calls of one turn with equal options', async () => {
    const { calls, load } = recordingLoad();
    const [first, second, other] = await Promise.all([
      load(['a', 'b'], 'x'),
      load(['b', 'c'], 'x'),
      load(['a'], 'y'),
    ]);
    expect(calls).toEqual([
      ['x', ['a', 'b', 'c']],
      ['y', ['a']],
    ]);
    expect([first.get('a'), second.get('c'), other.get('a')]).toEqual(['x a', 'x c', 'y a']);
  });

  it('loads the users of a call that arrives while a statement starts in another one', async () => {
    let late: ReturnType<Load> | undefined;
    const { calls, load } = recordingLoad(() => {
      late ??= load(['b'], 'x');
    });
    await load(['a'], 'x');
    expect((await late)?.get('b')).toBe('x b');
    expect(calls).toEqual([
      ['x', ['a']],
      ['x', ['b']],
    ]);
  });

  it('loads at most 500 users in one statement', async () => {
    const { calls, load } = recordingLoad();
    const ids = Array.from({ length: 1_001 }, (_, n) => String(n));
    expect((await load(ids, 'x')).size).toBe(1_001);
    expect(calls.map(([, { length }]) => length)).toEqual([500, 500, 1]);
  });
});
