import { InProcessRecordCache } from '../../../src/redis/in-process-record-cache';
import { createLogger } from '../../../src/telemetry/logger';
import { newUser } from '../../../src/users/new-user';
import { UserCache } from '../../../src/users/user.cache';
import type { User } from '../../../src/users/user.entity';
import type { UserRepository } from '../../../src/users/user.repository';
import { InputReader } from '../../../src/users/user.validation';
import { readNewProfile } from '../../../src/users/user-profile';

const id = '01975a5e-0000-7000-8000-000000000001';
const profile = readNewProfile(new InputReader(), {
  email: 'a@example.com',
  firstName: 'Ada',
  lastName: 'L',
});
const atVersion = (version: number): User => ({
  ...newUser(id, profile, 'ACTIVE'),
  version,
  revision: version,
});

const cacheOver = (users: Partial<UserRepository>, records = new InProcessRecordCache()) =>
  new UserCache(users as UserRepository, {
    cache: records,
    metrics: { cacheRequests: { inc: () => undefined }, cacheWrites: { inc: () => undefined } },
    log: createLogger({ level: 'silent' }),
  });

describe('UserCache.refresh', () => {
  let queries: string[][];
  let stored: User;
  let records: InProcessRecordCache;
  let cache: UserCache;

  beforeEach(() => {
    queries = [];
    stored = atVersion(1);
    records = new InProcessRecordCache();
    const findByIds = async (ids: readonly string[]) => {
      queries.push([...ids]);
      return new Map([[id, stored]]);
    };
    cache = cacheOver({ findByIds }, records);
  });

  it('reads no user that the cache has confirmed at the published version or a later one', async () => {
    await cache.write(atVersion(2));
    await cache.refresh([
      { userId: id, version: 1 },
      { userId: id, version: 2 },
    ]);
    expect(queries).toEqual([]);
  });

  it('reads a user at a version that the cache has not confirmed, whatever the revision', async () => {
    await cache.write({ ...atVersion(1), revision: 5 });
    await cache.refresh([{ userId: id, version: 2 }]);
    expect(queries).toEqual([[id]]);
  });

  it('reads a user once for newer versions, and for an event without a version', async () => {
    await cache.write(atVersion(2));
    await cache.refresh([
      { userId: id, version: 3 },
      { userId: id, version: 4 },
    ]);
    await cache.refresh([{ userId: id, version: null }]);
    expect(queries).toEqual([[id], [id]]);
  });

  it('reads a user whose last write the cache did not confirm', async () => {
    await cache.write(atVersion(1));
    jest.spyOn(records, 'putMany').mockRejectedValueOnce(new Error('away'));
    await cache.write(atVersion(2));
    stored = atVersion(2);
    await cache.refresh([{ userId: id, version: 1 }]);
    expect(queries).toEqual([[id]]);
    expect(await records.getMany([id])).toEqual([expect.objectContaining({ kind: 'value', revision: 2 })]);
  });
});

it('UserCache.refresh puts a tombstone for an erased user, and nothing for an unknown one', async () => {
  const records = new InProcessRecordCache();
  const unknown = '01975a5e-0000-7000-8000-000000000002';
  const users = {
    findByIds: async () => new Map<string, User>(),
    findErased: async (ids: readonly string[]) => ids.filter((it) => it === id),
  };
  const cache = cacheOver(users, records);
  await cache.refresh([id, unknown].map((userId) => ({ userId, version: 2 })));
  expect(await records.getMany([id, unknown])).toEqual([{ kind: 'tombstone' }, { kind: 'miss' }]);
  expect(await cache.get(id)).toBeNull();
});

it('UserCache caches no PENDING user', async () => {
  const records = new InProcessRecordCache();
  const pending: User = { ...atVersion(0), status: 'PENDING', revision: 1 };
  const cache = cacheOver({ findByIds: async () => new Map([[id, pending]]) }, records);
  expect(await cache.get(id)).toEqual(pending);
  await cache.write(pending);
  expect(await records.getMany([id])).toEqual([{ kind: 'miss' }]);
});

it.each([
  '00000000-0000-0000-0000-000000000001',
  'aaaaaaaa-aaaa-0aaa-0aaa-aaaaaaaaaaaa',
  'ffffffff-ffff-ffff-ffff-fffffffffffe',
])('UserCache returns the cached user with the id %s, which is no RFC 9562 UUID', async (id) => {
  let queries = 0;
  const user = { ...atVersion(1), id };
  const findByIds = async () => {
    queries += 1;
    return new Map([[id, user]]);
  };
  const cache = cacheOver({ findByIds });
  expect(await cache.get(id)).toEqual(user);
  expect(await cache.get(id)).toEqual(user);
  expect(queries).toBe(1);
});
