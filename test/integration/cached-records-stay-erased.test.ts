import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RedisClient } from '../../src/redis/redis-client';
import { RedisRecordCache } from '../../src/redis/redis-record-cache';
import { ProfileTable, readThrough } from '../testkit/read-through';
import { sharedRedisClient } from '../testkit/redis-server';
import { connectTestRedis, deleteKeys, pingAll } from '../testkit/test-redis';

const prefix = `test:${randomUUID()}:`;
const redis = connectTestRedis();
const table = new ProfileTable();
let clients: RedisClient[];
let replicas: ReturnType<typeof readThrough>['profiles'][];

beforeAll(async () => {
  const options = { probeKey: `${prefix}probe` };
  clients = await Promise.all([1, 2, 3].map(() => sharedRedisClient(options)));
  replicas = clients.map((client) => readThrough(new RedisRecordCache(client, () => prefix), table).profiles);
  table.beforeReturn = () => turns(20);
});

afterAll(async () => {
  await deleteKeys(redis, prefix);
  redis.disconnect();
  await Promise.all(clients.map((client) => client.close()));
});

const turns = async (most: number) => {
  for (let left = Math.floor(Math.random() * most); left > 0; left -= 1) await nextTurn();
};

describe('records in Redis, read and changed concurrently on three replicas', () => {
  const replica = () => replicas[Math.floor(Math.random() * replicas.length)] as (typeof replicas)[number];

  it('contain no value of 300 erased ids', async () => {
    const ids = Array.from({ length: 300 }, () => randomUUID());
    const live = async (id: string) => {
      for (let revision = 1; revision <= 5; revision += 1) {
        const row = table.set(id, `secret ${revision}`, revision);
        await turns(10);
        void replica().getMany([id]);
        await replica().write(row.value, row.revision);
      }
      const late = replicas.map((one) => one.getMany([id]));
      await turns(5);
      table.rows.delete(id);
      await replica().bury(id);
      await Promise.all([...late, replica().write({ id, name: 'secret, late' }, 4)]);
    };
    await Promise.all(ids.map(live));
    await Promise.all(replicas.map((one) => one.getMany(ids)));

    // A client's commands complete in order, so after a PING its pending writes are done.
    await Promise.all(clients.map((client) => client.run(pingAll)));
    const kept = await Promise.all(ids.map((id) => redis.get(prefix + id)));
    expect(kept.filter((entry) => entry !== 'erased')).toEqual([]);
  });

  it('are the newest on every replica after the last write', async () => {
    const ids = Array.from({ length: 100 }, () => randomUUID());
    const live = async (id: string) => {
      for (let revision = 1; revision <= 10; revision += 1) {
        const { value } = table.set(id, `name ${revision}`, revision);
        void replica().getMany([id]);
        await turns(10);
        const written = replica().write(value, revision);
        if (revision % 3 === 0) continue;
        await written;
        expect((await replica().getMany([id])).get(id)?.name).toBe(`name ${revision}`);
      }
    };
    await Promise.all(ids.map(live));

    for (const one of replicas) {
      const results = await one.getMany(ids);
      expect(ids.filter((id) => results.get(id)?.name !== 'name 10')).toEqual([]);
    }
  });
});
