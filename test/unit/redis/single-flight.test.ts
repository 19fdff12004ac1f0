import { InProcessRecordCache } from '../../../src/redis/in-process-record-cache';
import { eventually } from '../../testkit/eventually';
import { gate } from '../../testkit/gate';
import { ProfileTable, readThrough } from '../../testkit/read-through';

const ada = { id: 'a', name: 'Ada' };

describe('SingleFlight in a read-through cache', () => {
  let table: ProfileTable;
  let cache: InProcessRecordCache;

  beforeEach(() => {
    table = new ProfileTable();
    table.set('a', 'Ada', 1);
    cache = new InProcessRecordCache();
  });

  it('write releases readers queued behind an older load', async () => {
    const { opened, open } = gate();
    table.beforeReturn = () => opened;
    const { profiles } = readThrough(cache, table);
    const before = profiles.getMany(['a']);
    await eventually(() => expect(table.queries).toHaveLength(1));
    const waiting = profiles.getMany(['a']);

    await profiles.write({ id: 'a', name: 'Ada Lovelace' }, 2);

    expect((await waiting).get('a')?.name).toBe('Ada Lovelace');
    open();
    await before;
  });

  it('getMany returns the error of a slow failed load to the readers queued behind it', async () => {
    let nowMs = 0;
    const { opened, open } = gate();
    table.beforeReturn = async () => {
      await opened;
      nowMs += 1001;
      throw new Error('the database is unavailable');
    };
    const { profiles } = readThrough(cache, table, () => nowMs);
    const first = profiles.getMany(['a']);
    await eventually(() => expect(table.queries).toHaveLength(1));
    const second = profiles.getMany(['a']);
    open();

    await expect(first).rejects.toThrow('the database is unavailable');
    await expect(second).rejects.toThrow('the database is unavailable');
    expect(table.queries).toHaveLength(1);
    // Requested before the event loop turns.
    table.beforeReturn = async () => {};
    expect((await profiles.getMany(['a'])).get('a')).toEqual(ada);
  });

  it('getMany returns no error of a slow load that a write has superseded', async () => {
    let nowMs = 0;
    const [first, second] = [gate(), gate()];
    table.beforeReturn = () =>
      first.opened.then(() => Promise.reject(new Error('the database is unavailable')));
    const { profiles } = readThrough(cache, table, () => nowMs);
    const early = profiles.getMany(['a']);
    await eventually(() => expect(table.queries).toHaveLength(1));
    jest.spyOn(cache, 'putMany').mockRejectedValueOnce(new Error('the cache is unavailable'));
    await profiles.write(ada, 2);
    table.beforeReturn = () => second.opened;
    const running = profiles.getMany(['a']);
    await eventually(() => expect(table.queries).toHaveLength(2));
    const queued = profiles.getMany(['a']);
    nowMs += 1_001;
    first.open();
    await expect(early).rejects.toThrow('the database is unavailable');
    second.open();
    for (const records of await Promise.all([running, queued])) expect(records.get('a')).toEqual(ada);
  });

  it('getMany loads again for the readers queued behind a load that failed in time', async () => {
    const { opened, open } = gate();
    table.beforeReturn = async () => {
      await opened;
      throw new Error('the database is unavailable');
    };
    const { profiles } = readThrough(cache, table, () => 0);
    const first = profiles.getMany(['a']);
    await eventually(() => expect(table.queries).toHaveLength(1));
    const second = profiles.getMany(['a']);
    // The load waits at the gate, and rejects with the function that it has started with.
    table.beforeReturn = async () => {};
    open();

    await expect(first).rejects.toThrow('the database is unavailable');
    expect((await second).get('a')).toEqual(ada);
  });

  it('getMany returns a written value immediately while an older load is running', async () => {
    const { opened, open } = gate();
    table.beforeReturn = () => opened;
    const { profiles } = readThrough(cache, table);

    const before = profiles.getMany(['a']);
    await eventually(() => expect(table.queries).toHaveLength(1));
    const { value, revision } = table.set('a', 'Ada Lovelace', 2);
    expect(await profiles.write(value, revision)).toBe(true);

    expect((await profiles.getMany(['a'])).get('a')?.name).toBe('Ada Lovelace');
    open();
    expect((await before).get('a')).toEqual(ada);
    expect((await profiles.getMany(['a'])).get('a')?.name).toBe('Ada Lovelace');
  });
});
