import { Cluster, Redis } from 'ioredis';
import { parseRedisUrl } from '../../src/redis/redis-url';

/** Connects to the Redis of the tests: one server, a cluster, or the primary that a Sentinel names. */
export function connectTestRedis(url = process.env['TEST_REDIS_URL'] ?? ''): Redis | Cluster {
  const address = parseRedisUrl(url);
  return address.kind === 'cluster'
    ? new Cluster(address.nodes, { redisOptions: { ...address.options, replyMapping: 'legacy' } })
    : new Redis({ ...address.options, replyMapping: 'legacy' });
}

/** Returns the keys with this prefix, of all nodes. */
export async function findKeys(redis: Redis | Cluster, prefix: string): Promise<string[]> {
  if (!redis.isCluster) return (redis as Redis).keys(`${prefix}*`);
  await (redis as Cluster).ping();
  const nodes = (redis as Cluster).nodes('master');
  return (await Promise.all(nodes.map((node) => node.keys(`${prefix}*`)))).flat();
}

/** Deletes the keys with this prefix, one by one, because those of one command would have to be on one node. */
export async function deleteKeys(redis: Redis | Cluster, prefix: string): Promise<void> {
  await Promise.all((await findKeys(redis, prefix)).map((key) => redis.del(key)));
}

/** Resolves when every node has responded to a PING. */
export async function pingAll(redis: Redis | Cluster): Promise<void> {
  const nodes = redis.isCluster ? (redis as Cluster).nodes('master') : [redis];
  await Promise.all(nodes.map((node) => node.ping()));
}
