import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './eventually';
import { freePort, type RedisServer, startRedisServer } from './redis-server';

export interface RedisCluster {
  /** The nodes as REDIS_URL takes them. */
  readonly url: string;
  readonly nodes: readonly RedisServer[];
  stop(): Promise<void>;
}

/** Starts three nodes on free ports, which share all slots. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'redis-cluster-'));
  const nodes = await Promise.all(
    [0, 1, 2].map(async (node) => {
      const busPort = await freePort();
      const server = await startRedisServer([
        '--cluster-enabled',
        'yes',
        '--cluster-config-file',
        join(directory, `nodes-${node}.conf`),
        '--cluster-port',
        `${busPort}`,
        '--cluster-node-timeout',
        '2000',
        '--dir',
        directory,
      ]);
      return { ...server, busPort };
    }),
  );
  const clients = nodes.map(({ url }) => new Redis(url));
  const ranges = [
    [0, 5460],
    [5461, 10_922],
    [10_923, 16_383],
  ];
  for (const [at, client] of clients.entries()) {
    await client.cluster('SET-CONFIG-EPOCH', at + 1);
    await client.call('CLUSTER', 'ADDSLOTSRANGE', ...(ranges[at] ?? []).map(String));
    const [first] = nodes;
    if (at > 0) await client.call('CLUSTER', 'MEET', '127.0.0.1', `${first?.port}`, `${first?.busPort}`);
  }
  for (const client of clients) {
    await eventually(
      async () => {
        const info = String(await client.call('CLUSTER', 'INFO'));
        // Each node must know the others before it redirects.
        if (!/cluster_state:ok[^]*cluster_known_nodes:3/.test(info))
          throw new Error(`not a cluster yet: ${info}`);
      },
      { timeoutMs: 20_000 },
    );
    client.disconnect();
  }
  return {
    url: nodes.map(({ url }) => url).join(','),
    nodes,
    async stop() {
      for (const node of nodes) await node.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Starts a Sentinel that watches the server under the name `main`. Returns its REDIS_URL. */
export async function startSentinel(port: number): Promise<{ url: string; stop(): Promise<void> }> {
  const directory = mkdtempSync(join(tmpdir(), 'redis-sentinel-'));
  const sentinelPort = await freePort();
  const file = join(directory, 'sentinel.conf');
  writeFileSync(
    file,
    `port ${sentinelPort}\nbind 127.0.0.1\ndir ${directory}\nsentinel monitor main 127.0.0.1 ${port} 1\n`,
  );
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const client = new Redis(sentinelPort, '127.0.0.1');
  client.on('error', () => undefined);
  await eventually(() => client.call('SENTINEL', 'get-master-addr-by-name', 'main'), { timeoutMs: 20_000 });
  client.disconnect();
  return {
    url: `redis+sentinel://127.0.0.1:${sentinelPort}/main`,
    async stop() {
      child.kill('SIGKILL');
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
