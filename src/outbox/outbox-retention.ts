import type { Database } from '../postgres/database';

const batchSize = 500;

/** Removes published events from the outbox when they have had their time; what is not published stays for ever. */
export class OutboxRetention {
  /** @param retentionDays counted from when an event was last published */
  constructor(
    private readonly database: Database,
    private readonly retentionDays: number,
  ) {}

  /** One pass, in batches, safe on any number of replicas; answers how many events went. */
  async sweep(): Promise<number> {
    let removed = 0;
    for (let count = batchSize; count === batchSize; removed += count) {
      const [, affected] = (await this.database.query(
        `DELETE FROM outbox_events WHERE id IN (
           SELECT id FROM outbox_events WHERE published_at < now() - make_interval(days => $1)
           LIMIT $2 FOR UPDATE SKIP LOCKED)`,
        [this.retentionDays, batchSize],
      )) as [unknown, number];
      count = affected;
    }
    return removed;
  }
}
