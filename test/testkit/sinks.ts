import type { TestApp } from './app';
import { connectTestRedis, findKeys } from './test-redis';

/**
 * Returns the content of the places an app in this process writes to, by name: each table, Redis, the log, the metrics.
 * Bytes are hexadecimal.
 */
export async function readSinks(app: TestApp): Promise<Map<string, string>> {
  const sinks = new Map<string, string>();
  const tables = await app.sql<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1`,
  );
  for (const { name } of tables) {
    const rows = await app.sql<{ row: string }>(`SELECT to_jsonb(it)::text AS row FROM ${name} AS it`);
    sinks.set(name, rows.map(({ row }) => row).join('\n'));
  }
  sinks.set('redis', await readRedis(app.redisPrefix));
  sinks.set('log', app.logged.map((line) => JSON.stringify(line)).join('\n'));
  sinks.set('metrics', await (await fetch(`${app.url}/metrics`)).text());
  return sinks;
}

/** The names of the sinks that contain one of these texts: in any case, or as hexadecimal bytes. */
export function sinksContaining(sinks: ReadonlyMap<string, string>, texts: readonly string[]): string[] {
  const wanted = texts.flatMap((text) => [text.toLowerCase(), Buffer.from(text).toString('hex')]);
  return [...sinks]
    .filter(([, content]) => wanted.some((text) => content.toLowerCase().includes(text)))
    .map(([name]) => name);
}

/** The names of the app's sinks that contain one of these texts. */
export async function findInSinks(app: TestApp, texts: readonly string[]): Promise<string[]> {
  return sinksContaining(await readSinks(app), texts);
}

/** Keys and values under a prefix in Redis. */
export async function readRedis(prefix: string): Promise<string> {
  const redis = connectTestRedis();
  try {
    const keys = await findKeys(redis, prefix);
    const values = await Promise.all(keys.map((key) => redis.get(key)));
    return [...keys, ...values].join('\n');
  } finally {
    redis.disconnect();
  }
}
