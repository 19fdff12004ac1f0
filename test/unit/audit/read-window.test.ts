import { ReadWindow } from '../../../src/audit/read-window';

const actorOf = (id: string) => ({ id, scopes: new Set<string>() });
const ann = actorOf('ann');
const at = (second: number) => new Date(Date.UTC(2026, 2, 2, 10, 0, second));
const reads = (fields: readonly string[], ...userIds: string[]) =>
  new Map(userIds.map((userId) => [userId, new Set(fields)]));

/** Counts a read, adds what was not counted, and returns the ids of those users. */
function read(window: ReadWindow, actor: typeof ann, fieldsByUser: ReturnType<typeof reads>, second = 0) {
  const others = window.countRepeated(actor, fieldsByUser, at(second));
  window.add(actor, others);
  return [...others.keys()];
}

const countsOf = (window: ReadWindow) =>
  window
    .end()
    .map(({ origin, fieldsByUser, counts }) => [
      origin.actor?.id,
      [...new Set([...fieldsByUser.values()].flatMap((it) => [...it]))],
      Object.fromEntries(counts ?? []),
    ]);

describe('ReadWindow', () => {
  it('counts a read again of the same fields of the same user by the same actor', () => {
    const window = new ReadWindow();
    expect(read(window, ann, reads(['email', 'phone'], 'one', 'two'))).toEqual(['one', 'two']);
    expect(read(window, ann, reads(['phone', 'email'], 'one'))).toEqual([]);
    expect(read(window, ann, reads(['email', 'phone'], 'two', 'one', 'three'))).toEqual(['three']);
    expect(countsOf(window)).toEqual([['ann', ['email', 'phone'], { one: 2, two: 1 }]]);
  });

  it.each([
    ['another actor', actorOf('bob'), reads(['email'], 'one')],
    ['another user', ann, reads(['email'], 'two')],
    ['more fields', ann, reads(['email', 'phone'], 'one')],
    ['fewer fields', ann, reads([], 'one')],
    ['an actor whose id ends like the fields', actorOf('email ann'), reads(['email'], 'one')],
  ])('does not count %s', (_, actor, other) => {
    const window = new ReadWindow();
    read(window, ann, reads(['email'], 'one'));
    expect(read(window, actor, other)).toEqual([...other.keys()]);
    expect(window.end()).toEqual([]);
  });

  it('does not count a read that was not added', () => {
    const window = new ReadWindow();
    window.countRepeated(ann, reads(['email'], 'one'), at(0));
    expect([...window.countRepeated(ann, reads(['email'], 'one'), at(0)).keys()]).toEqual(['one']);
  });

  it('keeps counts when a concurrent read adds the same user', () => {
    const window = new ReadWindow();
    read(window, ann, reads(['email'], 'one'));
    read(window, ann, reads(['email'], 'one'));
    window.add(ann, reads(['email'], 'one'));
    expect(countsOf(window)).toEqual([['ann', ['email'], { one: 1 }]]);
  });

  it('takes the time of the last repeated read', () => {
    const window = new ReadWindow();
    read(window, ann, reads(['email'], 'one'), 1);
    read(window, ann, reads(['email'], 'one'), 2);
    read(window, ann, reads(['email'], 'one'), 3);
    read(window, ann, reads(['email'], 'two'), 4);
    expect(window.end().map((it) => it.at)).toEqual([at(3)]);
  });

  it('forgets everything in the next window, and again in the one after', () => {
    const window = new ReadWindow();
    for (let turn = 1; turn <= 3; turn += 1) {
      expect(read(window, ann, reads(['email'], 'one'))).toEqual(['one']);
      for (let repeat = 0; repeat < turn; repeat += 1) read(window, ann, reads(['email'], 'one'));
      expect(countsOf(window)).toEqual([['ann', ['email'], { one: turn }]]);
    }
    expect(window.end()).toEqual([]);
  });

  it('returns at most a thousand users together', () => {
    const window = new ReadWindow();
    const ids = Array.from({ length: 2_001 }, (_, at) => String(at));
    read(window, ann, reads(['email'], ...ids));
    read(window, ann, reads(['email'], ...ids));
    const repeated = window.end();
    expect(repeated.map(({ fieldsByUser }) => fieldsByUser.size)).toEqual([1_000, 1_000, 1]);
    expect(repeated.flatMap(({ counts }) => [...(counts?.keys() ?? [])])).toEqual(ids);
  });

  it('remembers 100,000 users, and as many again in the next window', () => {
    const window = new ReadWindow();
    const ids = Array.from({ length: 100_001 }, (_, at) => String(at));
    for (let turn = 0; turn < 2; turn += 1) {
      read(window, ann, reads(['email'], ...ids));
      expect(read(window, ann, reads(['email'], ...ids))).toEqual(['100000']);
      window.end();
    }
  });
});
