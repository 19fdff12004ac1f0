import type { Database } from '../postgres/database';

/** Counts attempts to process redelivered messages. An attempt that crashes its process stays counted. */
export class DeliveryAttemptsRepository {
  constructor(private readonly database: Database) {}

  /** Commits that a batch of these is processed next. Returns the fingerprints without an attempt before. */
  async beginBatch(fingerprints: readonly string[]): Promise<string[]> {
    if (fingerprints.length === 0) return [];
    const rows = await this.database.query<{ fingerprint: string }>(
      `INSERT INTO delivery_attempts (fingerprint, attempts, attempted_at)
       SELECT fingerprint, 0, now() FROM unnest($1::text[]) AS fingerprint ORDER BY fingerprint
       ON CONFLICT DO NOTHING RETURNING fingerprint`,
      [fingerprints],
    );
    return rows.map(({ fingerprint }) => fingerprint);
  }

  /** Commits that this message is processed alone next. Returns its number of attempts alone. */
  async beginAlone(fingerprint: string): Promise<number> {
    const [row] = await this.database.query<{ attempts: number }>(
      `INSERT INTO delivery_attempts (fingerprint, attempts, attempted_at) VALUES ($1, 1, now())
       ON CONFLICT (fingerprint) DO UPDATE
       SET attempts = delivery_attempts.attempts + 1, attempted_at = now()
       RETURNING attempts`,
      [fingerprint],
    );
    return row?.attempts ?? 1;
  }

  /** Deletes the attempts of messages that were processed. */
  async end(fingerprints: readonly string[]): Promise<void> {
    if (fingerprints.length === 0) return;
    await this.database.query(
      `DELETE FROM delivery_attempts WHERE fingerprint IN (
         SELECT fingerprint FROM delivery_attempts WHERE fingerprint = ANY($1::text[])
         ORDER BY fingerprint FOR UPDATE)`,
      [fingerprints],
    );
  }
}
