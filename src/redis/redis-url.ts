import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { splitSentinelUrl } from './sentinel-url';

/** The type of replies depends on `replyMapping`, so the clients have its default. */
type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>;

/** Where Redis is: one server, which Sentinels name if the options have them, or the nodes of a cluster. */
type RedisAddress =
  | { readonly kind: 'server'; readonly options: ConnectionOptions }
  | {
      readonly kind: 'cluster';
      readonly nodes: { host: string; port: number }[];
      readonly options: ConnectionOptions;
    };

/**
 * Parses a REDIS_URL that the settings have validated:
 *
 * - a server: `redis://user:password@host:port/0`, or `rediss://` for TLS;
 * - the nodes of a cluster: a comma-separated list of such URLs. User, password and TLS of the first node apply to all
 *   nodes;
 * - Sentinels: `redis+sentinel://user:password@host:port,host:port/name/0`. User and password are those of Redis.
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
  const parts = splitSentinelUrl(text);
  if (!parts) throw new Error('REDIS_URL is not a valid URL of Sentinels');
  const { credentials, hosts, name, db } = parts;
  const sentinels = hosts.map((host) => new URL(`redis://${host}`));
  return {
    kind: 'server',
    options: {
      sentinels: sentinels.map((sentinel) => ({
        host: hostOf(sentinel),
        port: Number(sentinel.port || 26_379),
      })),
      name: decodeURIComponent(name),
      db,
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

function accessOf(url: URL): ConnectionOptions {
  return {
    ...(url.username && { username: decodeURIComponent(url.username) }),
    ...(url.password && { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' && { tls: {} }),
  };
}

/** Creates the client of an address, with `options` for each connection. It connects in the background. */
export function openRedis(address: RedisAddress, options: ConnectionOptions): Redis | Cluster {
  if (address.kind === 'server') return new Redis({ ...options, ...address.options });
  // Of a cluster, the client retries and queues, not the connections to its nodes.
  const { retryStrategy, enableOfflineQueue, ...redisOptions } = { ...options, ...address.options };
  return new Cluster(address.nodes, {
    redisOptions,
    enableOfflineQueue,
    clusterRetryStrategy: retryStrategy,
    // After a failover or while the cluster is down, a command fails and is not retried. Its caller falls back to the
    // database.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    maxRedirections: 3,
    // Without it, ioredis learns of new nodes and moved slots only from the redirection of a command.
    slotsRefreshInterval: 5000,
  });
}
