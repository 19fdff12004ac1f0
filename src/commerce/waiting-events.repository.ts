import { getExpiry, haveExpired } from '../personal-data/expiries';
import { type Backlog, readBacklog } from '../postgres/backlog';
import type { Database, Transaction } from '../postgres/database';
import { prepared } from '../postgres/prepared';
import { type CommerceEvent, namesOnlyOrder, reviveCommerceEvent } from './commerce-event';

/** What an event can wait for. */
export type Referent = 'user' | 'order';

/** An event's identity. */
type Identity = Pick<CommerceEvent, 'source' | 'eventId'>;

/** The most events that one statement of a full sweep checks. */
const pageSize = 1_000;

/** Scalar sub-selects, which PostgreSQL never replaces by a hash table of all users. */
const referentIsKnown = `CASE waits_for
  WHEN 'user' THEN coalesce(
    (SELECT true FROM users WHERE id = CASE waits_for WHEN 'user' THEN waits_for_id::uuid END AND status <> 'PENDING'),
    (SELECT true FROM erased_users WHERE user_id = CASE waits_for WHEN 'user' THEN waits_for_id::uuid END))
  ELSE (SELECT true FROM user_orders WHERE order_id = waits_for_id) END`;

/** Reads and writes the table `waiting_events`. */
export class WaitingEventsRepository {
  constructor(private readonly database: Database) {}

  /** Stores events whose user or order is unknown, each once. */
  async add(tx: Transaction, events: readonly CommerceEvent[]): Promise<void> {
    if (events.length === 0) return;
    const rows = events.map((event) => ({ ...referentOf(event), event }));
    await tx.manager.query(
      `INSERT INTO waiting_events (source, event_id, type, waits_for, waits_for_id, event)
       SELECT source, event_id, type, waits_for, waits_for_id, event::jsonb
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
         AS waiting (source, event_id, type, waits_for, waits_for_id, event)
       ORDER BY source, event_id
       ON CONFLICT DO NOTHING`,
      [
        rows.map((it) => it.event.source),
        rows.map((it) => it.event.eventId),
        rows.map((it) => it.event.type),
        rows.map((it) => it.waitsFor),
        rows.map((it) => it.waitsForId),
        rows.map((it) => JSON.stringify(it.event)),
      ],
    );
  }

  /** Returns at most `limit` events that wait for one of these. */
  async findByReferents(waitsFor: Referent, ids: readonly string[], limit: number): Promise<CommerceEvent[]> {
    const rows = await this.database.query<{ event: Record<string, unknown> }>(
      prepared(
        `SELECT event FROM waiting_events WHERE waits_for_id = ANY($1::text[]) AND waits_for = $2 LIMIT $3`,
      ),
      [ids, waitsFor, limit],
    );
    return rows.map(({ event }) => reviveCommerceEvent(event));
  }

  /** Returns at most `limit` events of the last minute whose user or order is known by now. */
  async findRecentReleasable(limit: number): Promise<CommerceEvent[]> {
    const rows = await this.database.query<{ event: Record<string, unknown> }>(
      `SELECT event FROM waiting_events WHERE received_at > now() - interval '1 minute' AND ${referentIsKnown} LIMIT $1`,
      [limit],
    );
    return rows.map(({ event }) => reviveCommerceEvent(event));
  }

  /** Yields all events whose user or order is known by now, in pages. A page can be empty. */
  async *findReleasable(): AsyncGenerator<CommerceEvent[]> {
    let last: Identity | undefined = { source: '', eventId: '' };
    while (last) {
      const page: (Identity & { event: Record<string, unknown> | null })[] = await this.database.query(
        `SELECT source, event_id AS "eventId", CASE WHEN ${referentIsKnown} THEN event END AS event FROM waiting_events
         WHERE (source, event_id) > ($1, $2) ORDER BY source, event_id LIMIT $3`,
        [last.source, last.eventId, pageSize],
      );
      yield page.flatMap(({ event }) => (event ? [reviveCommerceEvent(event)] : []));
      last = page.length < pageSize ? undefined : page.at(-1);
    }
  }

  /** Returns and locks at most `limit` events that have waited for more than `waitingDays`. Skips locked ones. */
  async lockExpired(tx: Transaction, waitingDays: number, limit: number): Promise<CommerceEvent[]> {
    const rows: { event: Record<string, unknown> }[] = await tx.manager.query(
      `SELECT event FROM waiting_events WHERE ${haveExpired(getExpiry('waitingEvents'), '$1')}
       ORDER BY source, event_id LIMIT $2 FOR UPDATE SKIP LOCKED`,
      [waitingDays, limit],
    );
    return rows.map(({ event }) => reviveCommerceEvent(event));
  }

  /** Deletes events that no longer wait. */
  async remove(tx: Transaction, events: readonly Identity[]): Promise<void> {
    await tx.manager.query(
      `DELETE FROM waiting_events USING (
         SELECT source, event_id FROM waiting_events
         WHERE (source, event_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
         ORDER BY source, event_id FOR UPDATE
       ) AS done WHERE waiting_events.source = done.source AND waiting_events.event_id = done.event_id`,
      [events.map(({ source }) => source), events.map(({ eventId }) => eventId)],
    );
  }

  /** Returns how many events wait, and the age of the oldest. */
  measure(): Promise<Backlog> {
    return readBacklog(this.database, { from: 'waiting_events', oldest: 'min(received_at)' });
  }
}

function referentOf(event: CommerceEvent): { waitsFor: Referent; waitsForId: string } {
  return namesOnlyOrder(event)
    ? { waitsFor: 'order', waitsForId: event.orderId }
    : { waitsFor: 'user', waitsForId: event.userId };
}
