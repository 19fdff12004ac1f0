import { LRUCache } from 'lru-cache';
import { ReadThroughCache, type ReadThroughCacheOptions } from '../redis/read-through-cache';
import { parseCachedUser } from './cached-user';
import type { User } from './user.entity';
import type { UserRepository } from './user.repository';

/** The usual time until an event is published. */
const confirmedForMs = 5_000;

/**
 * Reads users by id through the cache. Authorization, changes, erasure and export read PostgreSQL instead.
 * `PENDING` users are not cached, because they may be removed without a tombstone.
 */
export class UserCache {
  private readonly cache: ReadThroughCache<User>;
  /** The versions that the cache has confirmed. They expire, because a failover of Redis may lose writes. */
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

  /** A user by id; null if there is none. Users are shared: treat them as immutable. */
  get(id: string): Promise<User | null> {
    return this.cache.get(id);
  }

  /** Users in the order of the ids, null for those that do not exist, errors for those that cannot be read. */
  getMany(ids: readonly string[]): Promise<(User | null | Error)[]> {
    return this.cache.getMany(ids);
  }

  /** Caches a committed change. After a failure the old value stays until the next write or its expiry. */
  async write(user: User): Promise<void> {
    if (user.status === 'PENDING') return;
    this.confirmed.delete(user.id);
    if (await this.cache.write(user, user.revision)) this.confirmed.set(user.id, user.version);
  }

  /** Replaces an erased user by a tombstone, after commit. Returns whether the cache has confirmed it. */
  bury(id: string): Promise<boolean> {
    return this.cache.bury(id);
  }

  /**
   * Caches the current rows of users whose events were published, and tombstones for erased ones. Skips users whose
   * published version the cache has confirmed. Failures are ignored: entries expire.
   */
  async refresh(published: readonly Published[]): Promise<void> {
    const unconfirmed = published.filter(
      ({ userId, version }) => version === null || version > (this.confirmed.get(userId) ?? -1),
    );
    if (unconfirmed.length === 0) return;
    const ids = [...new Set(unconfirmed.map(({ userId }) => userId))];
    const found = await this.users.findByIds(ids).catch(() => new Map<string, User>());
    const missing = ids.filter((id) => !found.has(id));
    const erased = missing.length === 0 ? [] : await this.users.findErased(missing).catch(() => []);
    await Promise.all([
      ...[...found.values()].map((user) => this.write(user)),
      ...erased.map((id) => this.bury(id)),
    ]);
  }
}

/** The user of a published event, and the user's version if the event has one. */
interface Published {
  readonly userId: string;
  readonly version: number | null;
}
