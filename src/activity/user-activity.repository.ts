import type { Database } from '../postgres/database';
import { prepared } from '../postgres/prepared';

/** A user signed in. */
export interface SignIn {
  readonly userId: string;
  readonly at: Date;
}

/** Reads and writes the table `user_activity`. */
export class UserActivityRepository {
  constructor(private readonly database: Database) {}

  /** Moves each user's `lastSeenAt` to the latest of these times, and never back. Ignores unknown and erased users. */
  async recordSignIns(signIns: readonly SignIn[]): Promise<void> {
    const latest = new Map<string, Date>();
    for (const { userId, at } of signIns) {
      const known = latest.get(userId);
      if (!known || at > known) latest.set(userId, at);
    }
    if (latest.size === 0) return;
    // The lock keeps the users until the insert: without it, an erased user would violate the foreign key.
    await this.database.query(
      prepared(
        `INSERT INTO user_activity (user_id, last_seen_at)
         SELECT seen.user_id, seen.at FROM unnest($1::uuid[], $2::timestamptz[]) AS seen (user_id, at)
           JOIN users ON users.id = seen.user_id AND users.status <> 'PENDING'
         ORDER BY seen.user_id FOR KEY SHARE OF users
         ON CONFLICT ON CONSTRAINT user_activity_pkey DO UPDATE SET last_seen_at = EXCLUDED.last_seen_at
         WHERE user_activity.last_seen_at < EXCLUDED.last_seen_at`,
      ),
      [[...latest.keys()], [...latest.values()].map((at) => at.toISOString())],
    );
  }

  /** Returns when these users last signed in. Users who never did are absent. */
  async findByUsers(userIds: readonly string[]): Promise<Map<string, Date>> {
    const rows = await this.database.query<{ userId: string; lastSeenAt: Date }>(
      prepared(
        `SELECT user_id AS "userId", last_seen_at AS "lastSeenAt" FROM user_activity
         WHERE user_id = ANY($1::uuid[])`,
      ),
      [userIds],
    );
    return new Map(rows.map(({ userId, lastSeenAt }) => [userId, lastSeenAt]));
  }
}
