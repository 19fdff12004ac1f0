import { isAuditEvent } from '../src/outbox/cloud-event';
import type { ForeignEvents, MutationLoad } from './fault-load';
import type { Window } from './fault-windows';
import type { Witness } from './fault-witness';
import type { Stage } from './stage';

/** A run is inconclusive with fewer kills in a window or a smaller load. */
const leastHits = 5;
const leastMutations = 2_000;
const leastForeignEvents = 20_000;

/** The counts of a run so far. */
export interface Tally {
  readonly load: MutationLoad;
  readonly foreign: ForeignEvents;
  readonly witness: Witness;
  readonly kills: ReadonlyMap<Window, { hits: number; tries: number }>;
  /** True when FAULTS_SECONDS limits the run: it may miss the load, but not the kills. */
  readonly isShort: boolean;
}

/** True with enough kills in every window and a sufficient load. */
export function isEnough({ load, foreign, kills }: Tally): boolean {
  return rareWindows(kills).length === 0 && isLargeEnough(load, foreign);
}

/** Returns the window with the fewest hits, and among these with the fewest tries. */
export function rarestWindow({ kills }: Tally): Window {
  const [rarest] = [...kills].sort(([, one], [, other]) => one.hits - other.hits || one.tries - other.tries);
  return (rarest as [Window, unknown])[0];
}

/** Prints lost, invented, duplicate and disordered events; returns true without any and with enough kills. */
export async function judge(stage: Stage, tally: Tally, seconds: number): Promise<boolean> {
  const { load, foreign, witness, kills, isShort } = tally;
  const violations = {
    ...(await findOutgoing(stage, load, witness)),
    ...(await findIncoming(stage, foreign)),
  };
  const hits = [...kills.values()].reduce((sum, count) => sum + count.hits, 0);
  const lines = [
    `${load.count} mutations acknowledged, ${foreign.ids.length} events of other services (a tenth of them twice), ` +
      `${hits} kills in ${seconds} s`,
    ...[...kills].map(([window, { hits: hit, tries }]) => `killed ${window}: ${hit} of ${tries} tries`),
    `events that were published again: ${witness.repeats}`,
    ...Object.entries(violations).map(([what, count]) => `${what}: ${count}`),
  ];
  const rare = rareWindows(kills);
  if (rare.length > 0)
    lines.push(`fewer than ${leastHits} kills of ${rare.join(', ')}: this run is inconclusive`);
  const isSmall = !isLargeEnough(load, foreign);
  if (isShort) lines.push('a short run: FAULTS_SECONDS was set');
  if (isSmall)
    lines.push(
      `the load is below ${leastMutations} mutations and ${leastForeignEvents} events` +
        (isShort ? '' : ': this run is inconclusive'),
    );
  process.stdout.write(`${lines.join('\n')}\n`);
  return (
    rare.length === 0 && (isShort || !isSmall) && Object.values(violations).every((count) => count === 0)
  );
}

function rareWindows(kills: Tally['kills']): Window[] {
  return [...kills].filter(([, { hits }]) => hits < leastHits).map(([window]) => window);
}

function isLargeEnough(load: MutationLoad, foreign: ForeignEvents): boolean {
  return load.count >= leastMutations && foreign.ids.length >= leastForeignEvents;
}

/** Compares acknowledged mutations, committed events and events that the witness received. */
async function findOutgoing(
  { database }: Stage,
  load: MutationLoad,
  { ids, sequences }: Witness,
): Promise<Record<string, number>> {
  const users = await database.query<{ id: string; version: number }>('SELECT id, version FROM users');
  const versionOf = new Map(users.map(({ id, version }) => [id, version]));
  const committed = await database.query<{ id: string; type: string; version: number | null }>(
    'SELECT id, type, version FROM outbox_events',
  );
  const committedIds = new Set(committed.map(({ id }) => id));
  let lost = committed.filter(
    ({ id, type, version }) => version === null && !isAuditEvent(type) && !ids.has(id),
  ).length;
  // Counted by versions, not by outbox rows: an event that was never written is lost, too.
  for (const { id, version } of users) {
    const seen = new Set(sequences.get(id));
    for (let sequence = 1; sequence <= version; sequence += 1) if (!seen.has(sequence)) lost += 1;
  }
  let invented = [...ids].filter((id) => !committedIds.has(id)).length;
  let disordered = 0;
  for (const [id, seen] of sequences) {
    invented += seen.filter((sequence) => sequence > (versionOf.get(id) ?? 0)).length;
    disordered += seen.filter((sequence, at) => at > 0 && sequence <= (seen[at - 1] as number)).length;
  }
  return {
    'acknowledged changes lost': [...load.acknowledged].filter(
      ([id, version]) => (versionOf.get(id) ?? 0) < version,
    ).length,
    'events lost': lost,
    'events without a commit': invented,
    'order violations after dedupe': disordered,
  };
}

/** Compares other services' published events with histories and summaries. */
async function findIncoming({ database }: Stage, { ids }: ForeignEvents): Promise<Record<string, number>> {
  const [row] = await database.query<{ lost: string; doubled: string; missing: string; parked: string }>(
    `WITH entries AS (SELECT user_id, event_id FROM user_history
       WHERE type IN ('ORDER_PLACED', 'LOYALTY_POINTS_EARNED')),
     each_user AS (SELECT coalesce(effect.order_count + effect.loyalty_points / 5, 0) - coalesce(folded.count, 0) AS surplus
       FROM user_commerce AS effect
       FULL JOIN (SELECT user_id, count(DISTINCT event_id) FROM entries GROUP BY user_id) AS folded USING (user_id))
     SELECT (SELECT count(*) FROM unnest($1::text[]) AS published (id)
        WHERE NOT EXISTS (SELECT FROM entries WHERE event_id = published.id)) AS lost,
       (SELECT coalesce(sum(greatest(surplus, 0)), 0) FROM each_user)
         + (SELECT count(*) - count(DISTINCT event_id) FROM entries) AS doubled,
       (SELECT coalesce(sum(greatest(-surplus, 0)), 0) FROM each_user) AS missing,
       (SELECT count(*) FROM parked_messages) AS parked`,
    [ids],
  );
  return {
    "other services' events lost": Number(row?.lost),
    'duplicate effects': Number(row?.doubled),
    'effects missing': Number(row?.missing),
    'good messages parked': Number(row?.parked),
  };
}
