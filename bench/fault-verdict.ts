import type { MutationLoad } from './fault-load';
import type { Stage } from './stage';

/** Fewer kills in one of the windows than this prove nothing. */
const leastHits = 5;
/** Where a kill can hit. */
export const windows = [
  'before the publish',
  'before the confirm',
  'before the acknowledgement',
  'at random',
] as const;
export type Window = (typeof windows)[number];

/** What arrived at another team's queue: the ids in order, and each user's sequences once repeats are dropped. */
export interface Witnessed {
  readonly ids: Set<string>;
  readonly sequences: Map<string, number[]>;
  repeats: number;
}

/** Prints what was lost, invented, doubled or out of order, and answers whether nothing was and the kills hit. */
export async function judge(
  { database }: Stage,
  load: MutationLoad,
  { sequences, repeats }: Witnessed,
  expected: readonly string[],
  kills: ReadonlyMap<Window, number>,
): Promise<boolean> {
  const users = await database.query<{ id: string; version: number }>('SELECT id, version FROM users');
  const versionOf = new Map(users.map(({ id, version }) => [id, version]));
  const changesLost = [...load.acknowledged].filter(
    ([id, version]) => (versionOf.get(id) ?? 0) < version,
  ).length;
  let lost = 0;
  for (const { id, version } of users) {
    const seen = new Set(sequences.get(id));
    for (let sequence = 1; sequence <= version; sequence += 1) if (!seen.has(sequence)) lost += 1;
  }
  let invented = 0;
  let disordered = 0;
  for (const [id, seen] of sequences) {
    invented += seen.filter((sequence) => sequence > (versionOf.get(id) ?? 0)).length;
    disordered += seen.filter((sequence, at) => at > 0 && sequence < (seen[at - 1] as number)).length;
  }
  const [folded] = await database.query<{ entries: string; effects: string; parked: string; lost: string }>(
    `SELECT (SELECT count(DISTINCT event_id) FROM user_history WHERE event_id = ANY ($1)) AS entries,
       (SELECT sum(order_count + loyalty_points / 5) FROM user_commerce) AS effects,
       (SELECT count(*) FROM parked_messages) AS parked,
       (SELECT count(*) FROM unnest($1::text[]) AS published (id)
        WHERE NOT EXISTS (SELECT FROM user_history WHERE event_id = published.id)
          AND NOT EXISTS (SELECT FROM parked_messages WHERE event_id = published.id)) AS lost`,
    [expected],
  );
  const entries = Number(folded?.entries);
  const parked = Number(folded?.parked);
  const violations = {
    'acknowledged changes lost': changesLost,
    'events lost': lost,
    'events without a commit': invented,
    'order violations after dedupe': disordered,
    "other services' events lost": Number(folded?.lost),
    'effects that are not one for each event': Math.abs(Number(folded?.effects) - entries),
  };
  const lines = [
    `${load.count} mutations acknowledged, ${expected.length} events of other services (a tenth of them twice)`,
    ...[...kills].map(([window, count]) => `killed ${window}: ${count}`),
    `events published again: ${repeats}, messages parked: ${parked}`,
    ...Object.entries(violations).map(([what, count]) => `${what}: ${count}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  const rare = [...kills].filter(([, count]) => count < leastHits).map(([window]) => window);
  if (rare.length > 0)
    process.stdout.write(`too few kills ${rare.join(', ')}: nothing is shown by this run\n`);
  return rare.length === 0 && Object.values(violations).every((count) => count === 0);
}
