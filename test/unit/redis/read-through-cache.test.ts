import { setImmediate as nextTurn } from 'node:timers/promises';
import { InProcessRecordCache } from '../../../src/redis/in-process-record-cache';
import type { RecordCache } from '../../../src/redis/record-cache';
import { eventually } from '../../testkit/eventually';
import { gate } from '../../testkit/gate';
import { ProfileTable, readThrough } from '../../testkit/read-through';

const ada = { id: 'a', name: 'Ada' };

describe('ReadThroughCache', () => {
  let table: ProfileTable;
  let cache: InProcessRecordCache;

  beforeEach(() => {
    table = new ProfileTable();
    table.set('a', 'Ada', 1);
    table.set('b', 'Bo', 1);
    cache = new InProcessRecordCache();
  });

  it('getMany loads a record once, then reads it from the cache', async () => {
    const { profiles, counted } = readThrough(cache, table);

    expect(await profiles.getMany(['a', 'x', 'a'])).toEqual(
      new Map([
        ['a', ada],
        ['x', null],
      ]),
    );
    await eventually(async () =>
      expect((await cache.getMany(['a', 'x'])).map((one) => one.kind)).toEqual(['value', 'negative']),
    );
    expect((await profiles.getMany(['a', 'x'])).get('a')).toEqual(ada);

    expect(table.queries).toEqual([['a', 'x']]);
    expect(await counted()).toEqual({ miss: 2, hit: 1, negative: 1 });
  });

  it('getMany returns the same object while the cached text is the same, and a new one after it changed', async () => {
    const { profiles } = readThrough(cache, table);
    await profiles.write({ id: 'a', name: 'Ada' }, 1);
    const first = await profiles.get('a');
    expect(await profiles.get('a')).toBe(first);

    // As another process would.
    await cache.putMany([{ id: 'a', revision: 2, text: '{"id":"a","name":"Countess"}' }]);
    expect(await profiles.get('a')).toEqual({ id: 'a', name: 'Countess' });
    await cache.bury('a');
    expect(await profiles.get('a')).toBeNull();
  });

  it('getMany queries nothing for an empty list of ids', async () => {
    const { profiles } = readThrough(cache, table);
    expect(await profiles.getMany([])).toEqual(new Map());
    expect(table.queries).toEqual([]);
  });

  it('getMany loads the ids requested in one turn of the event loop in one query', async () => {
    const getMany = jest.spyOn(cache, 'getMany');
    const { profiles } = readThrough(cache, table);

    const [first, second] = await Promise.all([profiles.getMany(['a']), profiles.getMany(['b', 'a'])]);

    expect(first.get('a')).toEqual(ada);
    expect(second.get('b')).toEqual({ id: 'b', name: 'Bo' });
    expect(table.queries).toEqual([['a', 'b']]);
    expect(getMany).toHaveBeenCalledTimes(1);
  });

  it('getMany loads an uncached record once for 500 readers, half of them arriving during the load', async () => {
    const { opened, open } = gate();
    table.beforeReturn = () => opened;
    const { profiles } = readThrough(cache, table);

    const early = Array.from({ length: 250 }, () => profiles.getMany(['a']));
    await eventually(() => expect(table.queries).toHaveLength(1));
    const late = Array.from({ length: 250 }, () => profiles.getMany(['a']));
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
    open();

    for (const records of await Promise.all([...early, ...late])) expect(records.get('a')).toEqual(ada);
    expect(table.queries).toEqual([['a']]);
  });

  it('getMany never returns a load that started before a change of another process', async () => {
    const { opened, open } = gate();
    table.beforeReturn = () => opened;
    const { profiles } = readThrough(cache, table);

    const before = profiles.getMany(['a']);
    await eventually(() => expect(table.queries).toHaveLength(1));
    table.set('a', 'Ada Lovelace', 2);
    const after = profiles.getMany(['a']);
    await cache.putMany([{ id: 'a', revision: 2, text: '{"id":"a","name":"Ada Lovelace"}' }]);
    open();

    expect((await before).get('a')).toEqual(ada);
    expect((await after).get('a')?.name).toBe('Ada Lovelace');
  });

  it('getMany returns null for a buried record, also after an older load ends', async () => {
    const { opened, open } = gate();
    table.beforeReturn = () => opened;
    const { profiles, counted } = readThrough(cache, table);

    const before = profiles.getMany(['a']);
    await eventually(() => expect(table.queries).toHaveLength(1));
    table.rows.delete('a');
    expect(await profiles.bury('a')).toBe(true);

    expect((await profiles.getMany(['a'])).get('a')).toBeNull();
    open();
    await before;
    expect(await cache.getMany(['a'])).toEqual([{ kind: 'tombstone' }]);
    expect(await counted()).toEqual({ miss: 1, tombstone: 1 });
  });

  it('getMany returns a record created after a negative entry was cached', async () => {
    const { profiles } = readThrough(cache, table);
    expect((await profiles.getMany(['c'])).get('c')).toBeNull();
    await eventually(async () => expect(await cache.getMany(['c'])).toEqual([{ kind: 'negative' }]));

    const { value, revision } = table.set('c', 'Cy', 1);
    await profiles.write(value, revision);

    expect((await profiles.getMany(['c'])).get('c')).toEqual(value);
  });

  it.each([
    ['not JSON', '{"id":'],
    ['of another shape', '{"id":"a","fullName":"Ada"}'],
    ['of another record', '{"id":"b","name":"Bo"}'],
  ])('getMany reloads and overwrites a cache entry that is %s', async (_, text) => {
    await cache.putMany([{ id: 'a', revision: 7, text }]);
    const { profiles, counted, logged } = readThrough(cache, table);

    expect((await profiles.getMany(['a'])).get('a')).toEqual(ada);
    await eventually(async () =>
      expect(await cache.getMany(['a'])).toEqual([{ kind: 'value', revision: 1, text: JSON.stringify(ada) }]),
    );
    expect(await counted()).toEqual({ error: 1 });
    expect(logged).toMatchObject([{ level: 40, records: 1 }]);
  });

  it('getMany does not cache a record that may be removed without a tombstone', async () => {
    table.rows.set('a', { revision: 1, value: ada, uncacheable: true });
    const { profiles } = readThrough(cache, table);
    expect((await profiles.getMany(['a', 'b'])).get('a')).toEqual(ada);
    await eventually(async () =>
      expect((await cache.getMany(['a', 'b'])).map(({ kind }) => kind)).toEqual(['miss', 'value']),
    );
  });

  it('writes count what the cache stored, refused and failed to store', async () => {
    const { profiles, written } = readThrough(cache, table);
    await profiles.getMany(['a', 'x']);
    await eventually(async () => expect(await written()).toEqual({ stored: 2 }));
    expect(await profiles.write({ id: 'b', name: 'Bo' }, 2)).toBe(true);
    expect(await profiles.write({ id: 'b', name: 'B' }, 1)).toBe(true);
    expect(await written()).toEqual({ stored: 3, refused: 1 });
    jest.spyOn(cache, 'putMany').mockRejectedValue(new Error('the cache is unavailable'));
    await profiles.write({ id: 'b', name: 'Bob' }, 3);
    await profiles.getMany(['c', 'd']);
    await eventually(async () => expect(await written()).toEqual({ stored: 3, refused: 1, failed: 3 }));
  });

  it.each([
    [1_000, 1],
    [1_001, 2],
  ])('getMany caches the result of a load of at most one second: %i ms', async (tookMs, loads) => {
    let nowMs = 0;
    table.beforeReturn = async () => {
      nowMs += tookMs;
    };
    const { profiles } = readThrough(cache, table, () => nowMs);

    expect((await profiles.getMany(['a'])).get('a')).toEqual(ada);
    expect((await profiles.getMany(['a'])).get('a')).toEqual(ada);
    expect(table.queries).toHaveLength(loads);
  });

  it('getMany returns the error of the load and loads again for the next reader', async () => {
    const { profiles } = readThrough(cache, table);
    table.beforeReturn = async () => {
      throw new Error('the database is unavailable');
    };
    await expect(profiles.getMany(['a'])).rejects.toThrow('the database is unavailable');

    table.beforeReturn = async () => {};
    expect((await profiles.getMany(['a'])).get('a')).toEqual(ada);
  });

  describe('with a failing cache', () => {
    const failing = async (): Promise<never> => {
      throw new Error('the cache is unavailable');
    };

    it('getMany returns records from the database, and logs no line for each failure', async () => {
      const { profiles, counted, written, logged } = readThrough(
        { getMany: failing, putMany: failing, bury: failing },
        table,
      );
      expect((await profiles.getMany(['a', 'x'])).get('a')).toEqual(ada);
      expect(await profiles.write(ada, 1)).toBe(false);
      expect(await profiles.bury('b')).toBe(false);
      expect(await counted()).toEqual({ error: 2 });
      // Records that could not be read from the cache are not put into it.
      expect(await written()).toEqual({ failed: 2 });
      expect(logged).toEqual([]);
    });

    it('getMany bypasses an old value until the new one is in the cache', async () => {
      const broken: RecordCache = { getMany: (ids) => cache.getMany(ids), putMany: failing, bury: failing };
      const { profiles, counted } = readThrough(broken, table);
      await cache.putMany([{ id: 'a', revision: 1, text: JSON.stringify(ada) }]);
      const { value, revision } = table.set('a', 'Ada Lovelace', 2);

      expect(await profiles.write(value, revision)).toBe(false);
      expect((await profiles.getMany(['a'])).get('a')).toEqual(value);

      broken.putMany = (puts) => cache.putMany(puts);
      expect((await profiles.getMany(['a'])).get('a')).toEqual(value);
      await eventually(async () => expect((await cache.getMany(['a']))[0]).toMatchObject({ revision: 2 }));
      const queries = table.queries.length;
      expect((await profiles.getMany(['a'])).get('a')).toEqual(value);
      expect(table.queries).toHaveLength(queries);
      expect(await counted()).toEqual({ miss: 2, hit: 1 });
    });

    it('getMany bypasses the cache until the newest of two failed writes is in it', async () => {
      const broken: RecordCache = { getMany: (ids) => cache.getMany(ids), putMany: failing, bury: failing };
      const { profiles } = readThrough(broken, table);
      const older = table.set('a', 'Ada Lovelace', 2);
      const newer = table.set('a', 'Ada King', 3);
      expect(await profiles.write(newer.value, newer.revision)).toBe(false);
      broken.putMany = (puts) => cache.putMany(puts);
      expect(await profiles.write(older.value, older.revision)).toBe(true);
      expect((await profiles.getMany(['a'])).get('a')).toEqual(newer.value);
    });

    it('getMany does not cache a load that started before a failed cache write', async () => {
      const { opened, open } = gate();
      table.beforeReturn = () => opened;
      const flaky: RecordCache = { getMany: (ids) => cache.getMany(ids), putMany: failing, bury: failing };
      const { profiles } = readThrough(flaky, table);
      const before = profiles.getMany(['a']);
      await eventually(() => expect(table.queries).toHaveLength(1));

      expect(await profiles.write({ id: 'a', name: 'Ada Lovelace' }, 2)).toBe(false);
      flaky.putMany = (puts) => cache.putMany(puts);
      open();
      await before;
      await nextTurn();

      expect(await cache.getMany(['a'])).toEqual([{ kind: 'miss' }]);
    });

    it('getMany returns null for an erased record and retries the tombstone', async () => {
      const broken: RecordCache = { getMany: (ids) => cache.getMany(ids), putMany: failing, bury: failing };
      const { profiles, counted } = readThrough(broken, table);
      await cache.putMany([{ id: 'a', revision: 1, text: JSON.stringify(ada) }]);

      expect(await profiles.bury('a')).toBe(false);
      expect((await profiles.getMany(['a'])).get('a')).toBeNull();

      broken.bury = (id) => cache.bury(id);
      await profiles.getMany(['a']);
      await eventually(async () => expect(await cache.getMany(['a'])).toEqual([{ kind: 'tombstone' }]));
      expect(await counted()).toEqual({ tombstone: 2 });
    });
  });
});
