import type { UserActivityRepository } from '../activity/user-activity.repository';
import type { EmailPreferenceLedger } from '../consent/email-preference-ledger';
import type { EmailPreferences } from '../consent/email-preferences.projection';
import type { ScheduledErasures } from '../privacy/scheduled-erasures';
import type { UserCache } from '../users/user.cache';
import type { User } from '../users/user.entity';
import { batchedLoad } from './batched-load';

export type Loaders = ReturnType<typeof createLoaders>;

/** Where the loaders read. */
export interface LoadersOptions {
  cache: UserCache;
  activity: UserActivityRepository;
  scheduledErasures: Pick<ScheduledErasures, 'findByUsers'>;
  emailPreferenceLedger: EmailPreferenceLedger;
}

/**
 * Returns the functions that read current data for all requests. Reads in the same turn of the event loop share a
 * statement.
 *
 * Only users are cached. Access is decided after loading, so requests of different actors can share a batch.
 */
export function createLoaders({
  cache,
  activity,
  scheduledErasures,
  emailPreferenceLedger: preferences,
}: LoadersOptions) {
  return {
    /** Returns a user by canonical id, or null if unknown. Requests share the object, so do not change it. */
    user: (id: string): Promise<User | null> => cache.get(id),

    /** Returns users in the order of their canonical ids, null for unknown ones, errors for unreadable ones. */
    users: (ids: readonly string[]): Promise<(User | null | Error)[]> => cache.getMany(ids),

    /** Returns when users will be erased. Users without a scheduled erasure are absent. */
    erasureScheduledFor: batchedLoad<null, Date>(
      (ids) => scheduledErasures.findByUsers(ids),
      () => '',
    ),

    /** Returns when users last signed in. Users who never did are absent. */
    lastSeenAt: batchedLoad<null, Date>(
      (ids) => activity.findByUsers(ids),
      () => '',
    ),

    /** Returns the preferences that were in force at a time. Users without decisions until then are absent. */
    emailPreferencesAt: batchedLoad<Date, EmailPreferences>(
      (ids, at) => preferences.preferencesAt(ids, at),
      (at) => at.toISOString(),
    ),
  };
}
