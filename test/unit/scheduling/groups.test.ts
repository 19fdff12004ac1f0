import { Groups } from '../../../src/scheduling/groups';

/** Groups that record what they process, and wait until the test ends them. */
function recorded(parallel: number, joins: (group: readonly string[], item: string) => boolean = () => true) {
  const started: string[][] = [];
  const ends: (() => void)[] = [];
  const groups = new Groups<string, string>({
    parallel,
    joins,
    process: async (items) => {
      started.push([...items]);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (items.includes('bad')) throw new Error('refused');
      return items.map((item) => item.toUpperCase());
    },
  });
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    groups,
    started,
    endNext: async () => {
      ends.shift()?.();
      await turn();
    },
    turn,
  };
}

describe('Groups', () => {
  it('process the items of one turn together and return the result of each', async () => {
    const { groups, started, turn, endNext } = recorded(1);
    const results = Promise.all(['a', 'b', 'c'].map((item) => groups.add(item)));
    await turn();
    await endNext();
    expect(await results).toEqual(['A', 'B', 'C']);
    expect(started).toEqual([['a', 'b', 'c']]);
  });

  it('process as many groups at a time as allowed; items that arrive during that share the next', async () => {
    const { groups, started, turn, endNext } = recorded(2);
    for (const items of [['a'], ['b', 'c'], ['d'], ['e', 'f']]) {
      for (const item of items) void groups.add(item);
      await turn();
    }
    expect(started).toEqual([['a'], ['b', 'c']]);
    await endNext();
    expect(started.slice(2)).toEqual([['d', 'e', 'f']]);
  });

  it('keep an item that cannot join for a later group, and take items behind it', async () => {
    const { groups, started, turn, endNext } = recorded(1, (group, item) => !group.includes(item));
    const results = Promise.all(['a', 'a', 'b', 'a', 'c'].map((item) => groups.add(item)));
    await turn();
    for (let at = 0; at < 3; at += 1) await endNext();
    expect(started).toEqual([['a', 'b', 'c'], ['a'], ['a']]);
    expect(await results).toEqual(['A', 'A', 'B', 'A', 'C']);
  });

  it('reject the items of a group that fails, and process the next', async () => {
    const { groups, turn, endNext } = recorded(1);
    const failed = Promise.allSettled([groups.add('a'), groups.add('bad')]);
    await turn();
    const next = groups.add('b');
    await endNext();
    await endNext();
    expect(await failed).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    expect(await next).toBe('B');
  });
});
