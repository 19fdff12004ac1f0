import { type Backlog, readBacklog } from '../postgres/backlog';
import type { Database } from '../postgres/database';

/** Returns how many erasures are running, and the age of the oldest. */
export function measureRunningErasures(database: Database): Promise<Backlog> {
  return readBacklog(database, { from: `erasures WHERE status = 'RUNNING'`, oldest: 'min(requested_at)' });
}
