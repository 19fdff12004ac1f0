import type { TestApp } from './app';

/** The SQL condition for events about users. Audit events go through the same outbox. */
export const userEventsOnly = `type NOT LIKE 'UserData%' AND type <> 'AuditSealed'`;

const tables = [
  'users',
  'user_history',
  'outbox_events',
  'email_preference_decisions',
  'email_verification_tokens',
  'phone_verification_codes',
  'idempotency_keys',
] as const;

/** Counts the rows of users and their records. A call without effect changes none of these counts. */
export async function countRows(app: TestApp): Promise<Record<(typeof tables)[number], number>> {
  const counts = tables.map((table) => {
    const which = table === 'outbox_events' ? `WHERE ${userEventsOnly}` : '';
    return `(SELECT count(*)::int FROM ${table} ${which}) AS ${table}`;
  });
  const [row] = await app.sql<Record<(typeof tables)[number], number>>(`SELECT ${counts.join(', ')}`);
  if (!row) throw new Error('PostgreSQL returned no row');
  return row;
}

export interface StoredEvent {
  type: string;
  version: number | null;
  data: Record<string, unknown>;
}

/** The events of a user in the outbox, oldest first. */
export function eventsOf(app: TestApp, userId: string): Promise<StoredEvent[]> {
  return app.sql<StoredEvent>(
    `SELECT type, version, data FROM outbox_events WHERE user_id = $1 AND ${userEventsOnly} ORDER BY occurred_at, id`,
    [userId],
  );
}

/** Makes the view `all_events`: those in the outbox, and those that were deleted from it after their publication. */
export async function keepPublishedEvents(app: TestApp): Promise<void> {
  await app.sql(`
    CREATE TABLE deleted_events (LIKE outbox_events);
    CREATE FUNCTION keep_event() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO deleted_events SELECT OLD.*; RETURN OLD; END $$;
    CREATE TRIGGER keep_event BEFORE DELETE ON outbox_events FOR EACH ROW EXECUTE FUNCTION keep_event();
    CREATE VIEW all_events AS SELECT * FROM outbox_events UNION ALL SELECT * FROM deleted_events`);
}
