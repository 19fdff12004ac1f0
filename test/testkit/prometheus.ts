import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './redis-server';

/** A series of a range query: its values are `[seconds since 1970, number as text]`. */
export interface RangeSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

export interface QueryRange {
  readonly query: string;
  /** In seconds since 1970. */
  readonly start: number;
  readonly end: number;
  /** In seconds. */
  readonly step: number;
}

/** A Prometheus that scrapes one service, whose `instance` is `replica-1`. */
export interface Prometheus {
  readonly url: string;
  /** Returns the series of a query now. */
  query(query: string): Promise<unknown[]>;
  /** Returns the series of a query in a range of time. */
  queryRange(range: QueryRange): Promise<RangeSeries[]>;
  stop(): Promise<void>;
}

/** True if there is a `prometheus` to start, as Debian's package has. */
export function isPrometheusInstalled(): boolean {
  return spawnSync('prometheus', ['--version']).status === 0;
}

/** Starts a Prometheus that scrapes every 200 ms or at another interval. */
export async function startPrometheus(serviceUrl: string, intervalMs = 200): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'user-service-prometheus-'));
  const target = `{ targets: ['${new URL(serviceUrl).host}'], labels: { instance: replica-1 } }`;
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: ${intervalMs}ms, scrape_timeout: ${intervalMs}ms }
scrape_configs: [{ job_name: user-service, static_configs: [${target}] }]
`,
  );
  const port = await freePort();
  const server = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  const url = `http://127.0.0.1:${port}`;
  const ask = async (path: string, parameters: Record<string, string>): Promise<unknown[]> => {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const { status, data, error } = (await response.json()) as {
      status: string;
      data?: { result: unknown[] };
      error?: string;
    };
    if (status !== 'success' || !data) throw new Error(`${error}: ${parameters['query']}`);
    return data.result;
  };
  return {
    url,
    query: (query) => ask('query', { query }),
    async queryRange({ query, ...times }) {
      const texts = Object.entries(times).map(([name, seconds]) => [name, String(seconds)]);
      return (await ask('query_range', { query, ...Object.fromEntries(texts) })) as RangeSeries[];
    },
    async stop() {
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
