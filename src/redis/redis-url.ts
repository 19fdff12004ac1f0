import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';

/** Where Redis is: one server, the nodes of a cluster, or Sentinels that know the primary. */
type RedisAddress =
  | { readonly kind: 'server'; readonly options: RedisOptions }
  | {
      readonly kind: 'cluster';
      readonly nodes: { host: string; port: number }[];
      readonly options: RedisOptions;
    }
  | { readonly kind: 'sentinel'; readonly options: RedisOptions };

/**
 * Returns where a REDIS_URL points: `redis://…` and `rediss://…` with an optional index of a database, a comma-separated
 * list of nodes of a cluster, or `redis+sentinel://host:port,host:port/name`.
 */
export function parseRedisUrl(text: string): RedisAddress {
  if (text.startsWith('redis+sentinel://')) return parseSentinelUrl(text);
  const [first = '', ...others] = text.split(',');
  const url = new URL(first);
  if (others.length === 0) {
    const db = Number(url.pathname.slice(1) || url.searchParams.get('db') || 0);
    return { kind: 'server', options: { host: hostOf(url), port: portOf(url), db, ...accessOf(url) } };
  }
  const nodes = [
    url,
    ...others.map((node) => new URL(node.includes('://') ? node : `${url.protocol}//${node}`)),
  ];
  return {
    kind: 'cluster',
    nodes: nodes.map((node) => ({ host: hostOf(node), port: portOf(node) })),
    options: accessOf(url),
  };
}

function parseSentinelUrl(text: string): RedisAddress {
  const [, credentials = '', hosts = '', name = '', db = '0'] =
    /^redis\+sentinel:\/\/(?:([^@/]*)@)?([^/]+)\/([^/?]+)(?:\/(\d+))?$/.exec(text) ?? [];
  const sentinels = hosts.split(',').map((host) => new URL(`redis://${host}`));
  return {
    kind: 'sentinel',
    options: {
      sentinels: sentinels.map((sentinel) => ({
        host: hostOf(sentinel),
        port: Number(sentinel.port || 26_379),
      })),
      name: decodeURIComponent(name),
      db: Number(db),
      ...accessOf(new URL(`redis://${credentials}@localhost`)),
    },
  };
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '') || 'localhost';
}

function portOf(url: URL): number {
  return Number(url.port || 6379);
}

function accessOf(url: URL): RedisOptions {
  return {
    ...(url.username && { username: decodeURIComponent(url.username) }),
    ...(url.password && { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' && { tls: {} }),
  };
}

/** Creates the client of an address, with `options` for each connection. It connects in the background. */
export function openRedis(address: RedisAddress, options: RedisOptions): Redis | Cluster {
  if (address.kind !== 'cluster')
    return new Redis({ ...options, ...address.options } as RedisOptions & { replyMapping: 'legacy' });
  const { retryStrategy, enableOfflineQueue: _queue, ...redisOptions } = { ...options, ...address.options };
  const clusterOptions = {
    redisOptions,
    enableOfflineQueue: false,
    clusterRetryStrategy: retryStrategy,
    // A command fails instead of being sent again: its caller falls back to the database.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    maxRedirections: 3,
    slotsRefreshInterval: 5000,
  };
  return new Cluster(
    address.nodes,
    clusterOptions as ClusterOptions & { redisOptions: { replyMapping: 'legacy' } },
  );
}
