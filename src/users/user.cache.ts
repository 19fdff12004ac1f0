import { LRUCache } from 'lru-cache';
import { ReadThroughCache, type ReadThroughCacheOptions } from '../redis/read-through-cache';
import { parseCachedUser } from './cached-user';
import type { User } from './user.entity';
import type { UserRepository } from './user.repository';

/** As long as events take to be published when all is well, and no longer. */
const confirmedForMs = 5_000;

/**
 * Users by id, read through the cache. Reads only: authorization, changes, erasure and export ask PostgreSQL.
 * Users that are still `PENDING` are not kept, as they may yet go without a trace.
 */
export class UserCache {
  private readonly cache: ReadThroughCache<User>;
  /**
   * The version of users in which the cache has confirmed to have them; for a while, as a Redis that failed over may
   * have an older one again.
   */
  private readonly confirmed = new LRUCache<string, number>({ max: 10_000, ttl: confirmedForMs });

  constructor(
    private readonly users: UserRepository,
    options: Pick<ReadThroughCacheOptions<User>, 'cache' | 'metrics' | 'log'>,
  ) {
    this.cache = new ReadThroughCache<User>({
      ...options,
      load: async (ids) => {
        const found = await users.findByIds(ids);
        return new Map(
          [...found].map(([id, value]) => [
            id,
            { revision: value.revision, value, uncacheable: value.status === 'PENDING' },
          ]),
        );
      },
      parse: parseCachedUser,
      idOf: (user) => user.id,
    });
  }

  /** One entry per id; null where there is no such user. The users are shared: treat them as immutable. */
  getMany(ids: readonly string[]): Promise<Map<string, User | null>> {
    return this.cache.getMany(ids);
  }

  /** Makes a committed change readable; a failure heals by the next write or by time. */
  async write(user: User): Promise<void> {
    if (user.status === 'PENDING') return;
    this.confirmed.delete(user.id);
    if (await this.cache.write(user, user.revision)) this.confirmed.set(user.id, user.version);
  }

  /** Lets nobody read an erased user from now on, after commit. Answers whether the cache has confirmed it. */
  bury(id: string): Promise<boolean> {
    return this.cache.bury(id);
  }

  /**
   * Writes users of whom something was published again as PostgreSQL has them now, which may be erased, unless the
   * cache has confirmed to have what was told of; a failure heals by the next write or by time.
   */
  async refresh(published: readonly Published[]): Promise<void> {
    const doubtful = published.filter(
      ({ userId, version }) => version === null || version > (this.confirmed.get(userId) ?? -1),
    );
    if (doubtful.length === 0) return;
    const ids = [...new Set(doubtful.map(({ userId }) => userId))];
    const found = await this.users.findByIds(ids).catch(() => new Map<string, User>());
    const missing = ids.filter((id) => !found.has(id));
    const erased = missing.length === 0 ? [] : await this.users.findErased(missing).catch(() => []);
    await Promise.all([
      ...[...found.values()].map((user) => this.write(user)),
      ...erased.map((id) => this.bury(id)),
    ]);
  }
}

/** Whose event it was, and the version of the user that it told of, if it told of one. */
interface Published {
  readonly userId: string;
  readonly version: number | null;
}
