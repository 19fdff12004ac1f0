import { InProcessRecordCache } from '../../../src/redis/in-process-record-cache';
import { createLogger } from '../../../src/telemetry/logger';
import { newUser } from '../../../src/users/new-user';
import { UserCache } from '../../../src/users/user.cache';
import type { User } from '../../../src/users/user.entity';
import type { UserRepository } from '../../../src/users/user.repository';

const id = '01975a5e-0000-7000-8000-000000000001';
const profile = {
  email: 'a@example.com',
  emailNormalized: 'a@example.com',
  username: 'a',
  usernameNormalized: 'a',
  firstName: 'Ada',
  firstNameNormalized: 'ada',
  lastName: 'L',
  lastNameNormalized: 'l',
  displayName: null,
  phoneNumber: null,
  address: null,
  locale: null,
  timeZone: null,
};
const atVersion = (version: number): User => ({
  ...newUser(id, profile, 'ACTIVE'),
  version,
  revision: version,
});

describe('refreshing what the cache has of users, after events about them went out', () => {
  let asked: string[][];
  let stored: User;
  let records: InProcessRecordCache;
  let cache: UserCache;

  beforeEach(() => {
    asked = [];
    stored = atVersion(1);
    records = new InProcessRecordCache();
    const users = {
      findByIds: async (ids: readonly string[]) => {
        asked.push([...ids]);
        return new Map([[id, stored]]);
      },
    } as unknown as UserRepository;
    cache = new UserCache(users, {
      cache: records,
      metrics: { cacheRequests: { inc: () => undefined } },
      log: createLogger({ level: 'silent' }),
    });
  });

  it('asks for nobody whom the cache has confirmed to have as told, or later', async () => {
    await cache.write(atVersion(2));
    await cache.refresh([
      { userId: id, version: 1 },
      { userId: id, version: 2 },
    ]);
    expect(asked).toEqual([]);
  });

  it('asks, once, for whoever was changed elsewhere, or in a way that no version tells of', async () => {
    await cache.write(atVersion(2));
    await cache.refresh([
      { userId: id, version: 3 },
      { userId: id, version: 4 },
    ]);
    await cache.refresh([{ userId: id, version: null }]);
    expect(asked).toEqual([[id], [id]]);
  });

  it('asks for a user whose last write the cache did not confirm', async () => {
    await cache.write(atVersion(1));
    jest.spyOn(records, 'putMany').mockRejectedValueOnce(new Error('away'));
    await cache.write(atVersion(2));
    stored = atVersion(2);
    await cache.refresh([{ userId: id, version: 1 }]);
    expect(asked).toEqual([[id]]);
    expect(await records.getMany([id])).toEqual([expect.objectContaining({ kind: 'value', revision: 2 })]);
  });
});
