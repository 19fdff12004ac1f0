import type { Database } from '../postgres/database';
import type { UserRepository } from './user.repository';

const batchSize = 500;

/** Removes what has had its time: users still `PENDING` after a day, idempotency keys and tokens after a week. */
export class Expiry {
  constructor(
    private readonly database: Database,
    private readonly users: UserRepository,
  ) {}

  /** One pass, in batches, safe on any number of replicas; answers how many records of each kind went. */
  async sweep(): Promise<{ users: number; idempotencyKeys: number; tokens: number }> {
    return {
      users: await this.removePendingUsers(),
      idempotencyKeys: await this.remove(
        `DELETE FROM idempotency_keys WHERE ctid IN (SELECT ctid FROM idempotency_keys
           WHERE created_at < now() - interval '7 days' AND (outcome IS NOT NULL OR user_id IS NULL) LIMIT $1)`,
      ),
      tokens: await this.remove(
        `DELETE FROM email_verification_tokens WHERE ctid IN (SELECT ctid FROM email_verification_tokens
           WHERE expires_at < now() - interval '7 days' LIMIT $1)`,
      ),
    };
  }

  private removePendingUsers(): Promise<number> {
    return this.inBatches(() =>
      this.database.transaction(async (tx) => {
        const expired: { id: string }[] = await tx.manager.query(
          `SELECT id FROM users WHERE status = 'PENDING' AND created_at < now() - interval '24 hours'
           LIMIT $1 FOR UPDATE SKIP LOCKED`,
          [batchSize],
        );
        for (const { id } of expired) await this.users.removePending(tx, id);
        return expired.length;
      }),
    );
  }

  private remove(sql: string): Promise<number> {
    return this.inBatches(async () => {
      const [, count] = (await this.database.query(sql, [batchSize])) as [unknown, number];
      return count;
    });
  }

  private async inBatches(removeBatch: () => Promise<number>): Promise<number> {
    let removed = 0;
    for (let count = batchSize; count === batchSize; removed += count) count = await removeBatch();
    return removed;
  }
}
