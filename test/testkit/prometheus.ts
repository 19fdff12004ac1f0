import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './redis-server';

/** A Prometheus that scrapes one service five times a second. */
export interface Prometheus {
  readonly url: string;
  /** Returns the series of a query now. */
  query(query: string): Promise<unknown[]>;
  stop(): Promise<void>;
}

/** True if there is a `prometheus` to start, as Debian's package has. */
export function isPrometheusInstalled(): boolean {
  return spawnSync('prometheus', ['--version']).status === 0;
}

export async function startPrometheus(serviceUrl: string): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'user-service-prometheus-'));
  const scrape = `{ job_name: user-service, static_configs: [{ targets: ['${new URL(serviceUrl).host}'] }] }`;
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 200ms, scrape_timeout: 200ms }\nscrape_configs: [${scrape}]\n`,
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
  return {
    url,
    async query(query) {
      const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query })}`);
      const { status, data, error } = (await response.json()) as {
        status: string;
        data?: { result: unknown[] };
        error?: string;
      };
      if (status !== 'success' || !data) throw new Error(`${error}: ${query}`);
      return data.result;
    },
    async stop() {
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
