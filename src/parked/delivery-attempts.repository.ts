import type { Database } from '../postgres/database';

/** The table `delivery_attempts`: redelivered messages that are being tried, or were when their process ended. */
export class DeliveryAttemptsRepository {
  constructor(private readonly database: Database) {}

  /** Notes, committed before it begins, that these are tried together; answers those that never were tried before. */
  async beginTogether(fingerprints: readonly string[]): Promise<string[]> {
    if (fingerprints.length === 0) return [];
    const rows = await this.database.query<{ fingerprint: string }>(
      `INSERT INTO delivery_attempts (fingerprint, attempts, attempted_at)
       SELECT fingerprint, 0, now() FROM unnest($1::text[]) AS fingerprint ORDER BY fingerprint
       ON CONFLICT DO NOTHING RETURNING fingerprint`,
      [fingerprints],
    );
    return rows.map(({ fingerprint }) => fingerprint);
  }

  /** Counts a try alone, committed before it begins; answers how many there were. */
  async begin(fingerprint: string): Promise<number> {
    const [row] = await this.database.query<{ attempts: number }>(
      `INSERT INTO delivery_attempts (fingerprint, attempts, attempted_at) VALUES ($1, 1, now())
       ON CONFLICT (fingerprint) DO UPDATE
       SET attempts = delivery_attempts.attempts + 1, attempted_at = now()
       RETURNING attempts`,
      [fingerprint],
    );
    return row?.attempts ?? 1;
  }

  /** These messages were dealt with. */
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
