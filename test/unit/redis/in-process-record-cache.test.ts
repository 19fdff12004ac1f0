import { InProcessRecordCache } from '../../../src/redis/in-process-record-cache';

describe('InProcessRecordCache', () => {
  it('evicts the least recently used entry above maxEntries', async () => {
    const cache = new InProcessRecordCache({ maxEntries: 2 });
    await cache.putMany([
      { id: 'a', revision: 1, text: '1' },
      { id: 'b', revision: 1, text: '2' },
    ]);
    await cache.getMany(['a']);
    await cache.putMany([{ id: 'c', revision: 1, text: '3' }]);

    expect((await cache.getMany(['a', 'b', 'c'])).map(({ kind }) => kind)).toEqual([
      'value',
      'miss',
      'value',
    ]);
  });

  it('evicts the least recently used entry above maxCharacters', async () => {
    const cache = new InProcessRecordCache({ maxCharacters: 250 });
    const text = JSON.stringify('x'.repeat(98));
    for (const id of ['a', 'b', 'c']) await cache.putMany([{ id, revision: 1, text }]);

    expect((await cache.getMany(['a', 'b', 'c'])).map(({ kind }) => kind)).toEqual([
      'miss',
      'value',
      'value',
    ]);
  });
});
