import {
  type CachedRecord,
  defaultLifetimes,
  jitteredMs,
  type RecordCache,
  type RecordLifetimes,
  type RecordPut,
} from './record-cache';
import type { RedisClient } from './redis-client';

/** Start of the keys of all databases; the id of the database follows. */
export const recordKeyPrefix = 'user-service:user:';

const negative = 'none';
const tombstone = 'erased';
const storedValue = /^v(\d{1,15}):(?=.)/s;

// Redis runs one command at a time: a larger batch would delay its other clients.
const chunkSize = 500;

// Three arguments per key: the entry, its lifetime in ms, the unreadable text it may replace ('' for none).
// pcall, because a key of another type would otherwise fail the whole batch; SET overwrites such a key.
const putManyScript = `
local function parse(entry)
  local digits, text = string.match(entry, '^v(%d+):(.+)$')
  if digits and #digits <= 15 then return tonumber(digits), text end
end
local stored = {}
for i, key in ipairs(KEYS) do
  local entry, lifetime, replaces = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  local current = redis.pcall('GET', key)
  local refused = false
  if current == '${tombstone}' then
    refused = true
  elseif type(current) == 'string' then
    local known, text = parse(current)
    if known and text ~= replaces then
      local offered = parse(entry)
      refused = not offered or offered <= known
    end
  end
  if refused then
    stored[i] = 0
  else
    redis.call('SET', key, entry, 'PX', lifetime)
    stored[i] = 1
  end
end
return stored`;

/**
 * A record cache in Redis, shared by all replicas. One command reads or writes up to 500 records; writes compare
 * and set inside Redis. A key is the prefix and the id; every key expires. Rejects while Redis is unavailable.
 */
export class RedisRecordCache implements RecordCache {
  constructor(
    private readonly client: RedisClient,
    /** Returns the start of every key. May throw while it is unknown. */
    private readonly prefix: () => string,
    private readonly lifetimes: RecordLifetimes = defaultLifetimes,
  ) {}

  async getMany(ids: readonly string[]): Promise<CachedRecord[]> {
    const prefix = this.prefix();
    const replies = await Promise.all(
      this.chunksOf(ids).map((chunk) =>
        this.client.run((redis) => redis.mget(chunk.map((id) => prefix + id)), 'MGET'),
      ),
    );
    return replies.flat().map(decode);
  }

  async putMany(puts: readonly RecordPut[]): Promise<boolean[]> {
    const replies = await Promise.all(this.chunksOf(puts).map((chunk) => this.putChunk(chunk)));
    return replies.flat();
  }

  async bury(id: string): Promise<void> {
    const key = this.prefix() + id;
    const lifetimeMs = this.lifetimes.tombstoneMs;
    await this.client.run((redis) => redis.set(key, tombstone, 'PX', lifetimeMs), 'SET');
  }

  /** On a cluster one key a command: the keys of one command would have to be in one slot. */
  private chunksOf<Item>(items: readonly Item[]): Item[][] {
    const size = this.client.isCluster ? 1 : chunkSize;
    const chunks: Item[][] = [];
    for (let from = 0; from < items.length; from += size) chunks.push(items.slice(from, from + size));
    return chunks;
  }

  private async putChunk(puts: readonly RecordPut[]): Promise<boolean[]> {
    const prefix = this.prefix();
    const keys = puts.map((put) => prefix + put.id);
    const entries = puts.flatMap((put) => [
      put.revision === null ? negative : `v${put.revision}:${put.text}`,
      put.revision === null ? this.lifetimes.negativeMs : jitteredMs(this.lifetimes.valueMs),
      put.replaces ?? '',
    ]);
    const stored = await this.client.run(
      (redis) => redis.eval(putManyScript, keys.length, ...keys, ...entries),
      'EVAL',
    );
    return (stored as number[]).map((one) => one === 1);
  }
}

function decode(entry: string | null): CachedRecord {
  if (entry === negative) return { kind: 'negative' };
  if (entry === tombstone) return { kind: 'tombstone' };
  const value = entry === null ? null : storedValue.exec(entry);
  if (entry === null || value === null) return { kind: 'miss' };
  return { kind: 'value', revision: Number(value[1]), text: entry.slice(value[0].length) };
}
