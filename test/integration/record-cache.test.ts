import { randomUUID } from 'node:crypto';
import { InProcessRecordCache } from '../../src/redis/in-process-record-cache';
import type { RecordCache, RecordLifetimes } from '../../src/redis/record-cache';
import type { RedisClient } from '../../src/redis/redis-client';
import { RedisRecordCache } from '../../src/redis/redis-record-cache';
import { eventually } from '../testkit/eventually';
import { sharedRedisClient } from '../testkit/redis-server';
import { connectTestRedis, deleteKeys } from '../testkit/test-redis';

const prefix = `test:${randomUUID()}:`;
const redis = connectTestRedis();
let client: RedisClient;

beforeAll(async () => {
  client = await sharedRedisClient({ probeKey: `${prefix}probe` });
});

afterAll(async () => {
  await deleteKeys(redis, prefix);
  redis.disconnect();
  await client.close();
});

const makers: [string, (lifetimes?: RecordLifetimes) => RecordCache][] = [
  ['the in-process record cache', (lifetimes) => new InProcessRecordCache(lifetimes && { lifetimes })],
  ['the Redis record cache', (lifetimes) => new RedisRecordCache(client, () => prefix, lifetimes)],
];

describe.each(makers)('%s', (_, makeCache) => {
  let cache: RecordCache;
  let id: string;

  beforeAll(() => {
    cache = makeCache();
  });

  beforeEach(() => {
    id = randomUUID();
  });

  const get = async () => (await cache.getMany([id]))[0];
  const put = async (revision: number, text: string, replaces?: string) =>
    (await cache.putMany([{ id, revision, text, replaces }]))[0];
  const putNegative = async (replaces?: string) =>
    (await cache.putMany([{ id, revision: null, replaces }]))[0];

  it('returns a value as it was put, and a miss for other ids', async () => {
    const text = JSON.stringify({ name: 'Zoë\n: v9:', notes: '" \\ \u2028 😀' });
    expect(await put(3, text)).toBe(true);
    expect(await cache.getMany([randomUUID(), id])).toEqual([
      { kind: 'miss' },
      { kind: 'value', revision: 3, text },
    ]);
  });

  it('replaces a value only by a newer one', async () => {
    expect(await put(9, '"nine"')).toBe(true);
    expect(await put(9, '"again"')).toBe(false);
    expect(await put(8, '"older"')).toBe(false);
    expect(await get()).toEqual({ kind: 'value', revision: 9, text: '"nine"' });
    expect(await put(10, '"ten"')).toBe(true);
    expect(await get()).toEqual({ kind: 'value', revision: 10, text: '"ten"' });
  });

  it('compares revisions beyond 32 bits', async () => {
    expect(await put(100_000_000_000_001, '1')).toBe(true);
    expect(await put(100_000_000_000_000, '0')).toBe(false);
    expect(await put(100_000_000_000_002, '2')).toBe(true);
  });

  it('keeps a tombstone when a value is put', async () => {
    await put(1, '"one"');
    await cache.bury(id);
    expect(await put(1_000_000, '"late"')).toBe(false);
    expect(await put(1_000_000, '"late"', '"one"')).toBe(false);
    expect(await putNegative()).toBe(false);
    expect(await get()).toEqual({ kind: 'tombstone' });
  });

  it('replaces a negative entry by a value, and no value by a negative entry', async () => {
    expect(await putNegative()).toBe(true);
    expect(await get()).toEqual({ kind: 'negative' });
    expect(await put(1, '"created"')).toBe(true);
    expect(await putNegative()).toBe(false);
    expect(await get()).toEqual({ kind: 'value', revision: 1, text: '"created"' });
  });

  it('replaces exactly the given unreadable text, regardless of revisions', async () => {
    await put(5, '{"old":"shape"}');
    expect(await put(4, '"four"', '{"another":"text"}')).toBe(false);
    expect(await put(4, '"four"', '{"old":"shape"}')).toBe(true);
    expect(await get()).toEqual({ kind: 'value', revision: 4, text: '"four"' });
    expect(await putNegative('"four"')).toBe(true);
  });

  it('keeps the newest of 200 values put concurrently', async () => {
    const revisions = Array.from({ length: 200 }, (_, at) => ((at * 77) % 200) + 1);
    await Promise.all(revisions.map((revision) => put(revision, `${revision}`)));
    expect(await get()).toEqual({ kind: 'value', revision: 200, text: '200' });
  });

  it('puts and returns 1,300 records in order', async () => {
    const ids = Array.from({ length: 1300 }, () => randomUUID());
    const stored = await cache.putMany(ids.map((one, at) => ({ id: one, revision: at, text: `${at}` })));
    expect(stored).toEqual(ids.map(() => true));
    const texts = (await cache.getMany(ids)).map((record) => (record.kind === 'value' ? record.text : null));
    expect(texts).toEqual(ids.map((_, at) => `${at}`));
    expect(await cache.getMany([])).toEqual([]);
    expect(await cache.putMany([])).toEqual([]);
  });

  it.each(['value', 'negative', 'tombstone'])('expires only a %s after its own lifetime', async (brief) => {
    const lifetimes = { valueMs: 60_000, negativeMs: 60_000, tombstoneMs: 60_000, [`${brief}Ms`]: 40 };
    const kept = makeCache(lifetimes);
    const ids = [randomUUID(), randomUUID(), randomUUID()] as const;
    await kept.putMany([
      { id: ids[0], revision: 1, text: '1' },
      { id: ids[1], revision: null },
    ]);
    await kept.bury(ids[2]);
    const expected = ['value', 'negative', 'tombstone'].map((kind) => (kind === brief ? 'miss' : kind));
    await eventually(async () => expect((await kept.getMany(ids)).map(({ kind }) => kind)).toEqual(expected));
  });
});

describe('the Redis record cache', () => {
  let cache: RedisRecordCache;

  beforeAll(() => {
    cache = new RedisRecordCache(client, () => prefix);
  });

  it('expires a value after about a minute, a negative entry after seconds, a tombstone after a day', async () => {
    const [value, negative, tombstone] = [randomUUID(), randomUUID(), randomUUID()];
    await cache.putMany([
      { id: value, revision: 1, text: '1' },
      { id: negative, revision: null },
    ]);
    await cache.bury(tombstone);

    const valueMs = await redis.pttl(prefix + value);
    expect(valueMs).toBeGreaterThan(50_000);
    expect(valueMs).toBeLessThanOrEqual(60_000);
    const negativeMs = await redis.pttl(prefix + negative);
    expect(negativeMs).toBeGreaterThan(1_000);
    expect(negativeMs).toBeLessThanOrEqual(5_000);
    expect(await redis.pttl(prefix + tombstone)).toBeGreaterThan(23 * 60 * 60 * 1000);
  });

  it('expires values of one batch at different times', async () => {
    const ids = Array.from({ length: 50 }, () => randomUUID());
    await cache.putMany(ids.map((id) => ({ id, revision: 1, text: '1' })));
    const expiries = await Promise.all(ids.map((id) => redis.pexpiretime(prefix + id)));
    expect(Math.max(...expiries) - Math.min(...expiries)).toBeGreaterThan(1_000);
  });

  it.each([
    ['text of another kind', (key: string) => redis.set(key, 'hello')],
    ['an empty string', (key: string) => redis.set(key, '')],
    ['a revision without a value', (key: string) => redis.set(key, 'v3:')],
    ['a revision that is too large', (key: string) => redis.set(key, 'v99999999999999999999:{}')],
    ['invalid UTF-8', (key: string) => redis.set(key, Buffer.from([0xff, 0x00, 0xfe]))],
    ['a list', (key: string) => redis.rpush(key, 'one')],
    ['a hash', (key: string) => redis.hset(key, 'field', 'value')],
  ])('returns a miss for %s, overwrites it and returns the others of the batch', async (_, spoil) => {
    const [spoilt, good] = [randomUUID(), randomUUID()];
    await cache.putMany([{ id: good, revision: 1, text: '"good"' }]);
    await spoil(prefix + spoilt);

    expect((await cache.getMany([spoilt, good])).map(({ kind }) => kind)).toEqual(['miss', 'value']);
    expect(
      await cache.putMany([
        { id: spoilt, revision: 1, text: '"fixed"' },
        { id: good, revision: 2, text: '"better"' },
      ]),
    ).toEqual([true, true]);
    expect(await cache.getMany([spoilt])).toEqual([{ kind: 'value', revision: 1, text: '"fixed"' }]);
  });

  it('replaces a key of another type by a tombstone', async () => {
    const id = randomUUID();
    await redis.rpush(prefix + id, 'one');
    await cache.bury(id);
    expect(await cache.getMany([id])).toEqual([{ kind: 'tombstone' }]);
  });

  it('makes one round trip for 500 records', async () => {
    const ids = Array.from({ length: 500 }, () => randomUUID());
    const run = jest.spyOn(client, 'run');
    await cache.putMany(ids.map((id) => ({ id, revision: 1, text: '1' })));
    await cache.getMany(ids);
    // The keys of one command would have to be on one node of a cluster.
    expect(run).toHaveBeenCalledTimes(client.isCluster ? 1_000 : 2);
    run.mockRestore();
  });
});
