import type { Cluster, Redis } from 'ioredis';
import type { Logger } from 'pino';
import { within } from '../scheduling/within';
import { traceCall } from '../telemetry/active-trace';
import { openRedis, parseRedisUrl } from './redis-url';

const disconnectTimeoutMs = 100;

export interface RedisClientOptions {
  /** A key that this client may write, to check whether Redis accepts writes. */
  readonly probeKey?: string;
  /** Timeout of one command, in milliseconds; defaults to 100. */
  readonly commandTimeoutMs?: number;
  /** Number of consecutive failures after which Redis counts as unavailable; defaults to 3. */
  readonly failureThreshold?: number;
  /** The index of the database to select; defaults to 0. */
  readonly database?: number;
  /** Minimum pause before the probe that follows a failure, in milliseconds; defaults to 1,000. */
  readonly coolDownMs?: number;
}

/** The command was not sent, timed out or was rejected by Redis. `reason` is a code without any data. */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError';

  constructor(readonly reason: string) {
    super(`Redis is unavailable: ${reason}`);
  }
}

/**
 * Returns a client immediately and connects in the background. The client reconnects by itself: an unreachable
 * Redis neither fails nor delays the start.
 */
export function createRedisClient(url: string, log: Logger, options: RedisClientOptions = {}): RedisClient {
  const address = parseRedisUrl(url);
  const redis = openRedis(address, {
    connectTimeout: 1000,
    disconnectTimeout: disconnectTimeoutMs,
    commandTimeout: options.commandTimeoutMs ?? 100,
    enableOfflineQueue: false,
    // Commands in flight fail when the connection breaks, before their timeout, and are not resent:
    // their callers fall back to the database.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => Math.min(50 * 2 ** (attempt - 1), 1000) * (0.8 + 0.4 * Math.random()),
  });
  const database = address.kind === 'cluster' ? 0 : (address.options.db ?? 0);
  return new RedisClient(redis, log, { ...options, database });
}

/**
 * A circuit breaker: runs commands while Redis is available and rejects them immediately while it is not.
 * Redis is available after a successful write, since a cache that accepts no tombstones must not be read either.
 * It is unavailable after several consecutive failures, a refused write or a closed connection. Probes run in the
 * background, so that no caller waits for one.
 */
export class RedisClient {
  private available = false;
  private closing = false;
  private announced: 'ready' | 'degraded' | null = null;
  private failures = 0;
  private countFromMs = 0;
  private notBeforeMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly probeKey: string;
  private readonly database: number;
  private readonly failureThreshold: number;
  private readonly coolDownMs: number;

  constructor(
    private readonly redis: Redis | Cluster,
    private readonly log: Logger,
    {
      probeKey = 'user-service:probe',
      failureThreshold = 3,
      coolDownMs = 1000,
      database = 0,
    }: RedisClientOptions = {},
  ) {
    this.database = database;
    this.probeKey = probeKey;
    this.failureThreshold = failureThreshold;
    this.coolDownMs = coolDownMs;
    redis.on('error', (error) => this.announce('degraded', reasonOf(error)));
    redis.on('ready', () => this.schedule(this.notBeforeMs - performance.now(), () => this.probe()));
    redis.on('close', () => {
      clearTimeout(this.timer);
      this.available = false;
      this.announce('degraded', 'CLOSED');
    });
  }

  /**
   * Returns the command's result, within the command timeout. `name` is the command's name in traces.
   * @throws RedisUnavailableError immediately while Redis is unavailable, otherwise when the command fails
   */
  async run<Result>(command: (redis: Redis | Cluster) => Promise<Result>, name = 'COMMAND'): Promise<Result> {
    if (!this.available) throw new RedisUnavailableError('DEGRADED');
    const startedAtMs = performance.now();
    try {
      const result = await traceCall(
        () => ({ name, attributes: { 'db.system.name': 'redis', 'db.operation.name': name } }),
        () => command(this.redis),
      );
      this.failures = 0;
      return result;
    } catch (error) {
      const reason = reasonOf(error);
      this.countFailure(reason, startedAtMs);
      // Not the original: the errors of ioredis carry the command with its arguments, which are personal data.
      throw new RedisUnavailableError(reason);
    }
  }

  /** True if the keys of one command must be in one slot. */
  get isCluster(): boolean {
    return this.redis.isCluster;
  }

  /** Returns whether commands are being sent, without a request to Redis. */
  status(): 'ready' | 'degraded' {
    return this.available ? 'ready' : 'degraded';
  }

  /** Closes the connection after the commands in flight, within the command timeout plus 100 ms. Never rejects. */
  async close(): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    this.available = false;
    clearTimeout(this.timer);
    if (this.redis.status === 'ready') await this.redis.quit().catch(() => undefined);
    if (this.redis.status === 'end') return;
    const ended = new Promise<void>((resolve) => this.redis.once('end', () => resolve()));
    this.redis.disconnect();
    await within(ended, disconnectTimeoutMs, 'Redis did not end the connection in time').catch(
      () => undefined,
    );
  }

  private countFailure(reason: string, startedAtMs: number): void {
    if (reason === 'WRONGTYPE' || reason === 'ERR') return;
    if (isRefusal(reason)) return this.markUnavailable(reason);
    // Commands in flight together fail together, for example after this process was suspended: they count once.
    // Commands sent on an earlier connection do not count for this one.
    if (startedAtMs < this.countFromMs) return;
    this.countFromMs = performance.now();
    this.failures += 1;
    if (this.failures >= this.failureThreshold) this.markUnavailable(reason);
  }

  private markUnavailable(reason: string): void {
    if (!this.available) return;
    this.available = false;
    this.announce('degraded', reason);
    this.notBeforeMs = performance.now() + this.coolDownMs;
    // Reconnects: the old connection may be stuck in retransmissions or lead to a server that is now a replica.
    this.redis.disconnect(true);
  }

  private async probe(): Promise<void> {
    try {
      await this.tryCommands();
      this.available = !this.closing;
      this.countFromMs = performance.now();
      // After an outage, one failure before the first success is enough.
      if (this.announced === 'degraded') this.failures = this.failureThreshold - 1;
      this.announce('ready');
    } catch (error) {
      this.announce('degraded', reasonOf(error));
      this.schedule(this.coolDownMs, () => this.redis.disconnect(true));
    }
  }

  /** Runs each kind of command that the cache needs: a Redis user may be allowed only some of them. */
  private async tryCommands(): Promise<void> {
    // ioredis stays in database 0 if Redis refuses the index of the URL.
    if (this.database !== 0) await this.redis.select(this.database);
    await this.redis.set(this.probeKey, '1', 'PX', 1000);
    await this.redis.mget(this.probeKey);
    await this.redis.eval("return redis.call('SET', KEYS[1], '1', 'PX', 1000)", 1, this.probeKey);
    if (this.isCluster) await Promise.all((this.redis as Cluster).nodes('master').map((node) => node.ping()));
  }

  private schedule(delayMs: number, action: () => void | Promise<void>): void {
    clearTimeout(this.timer);
    if (!this.closing) this.timer = setTimeout(() => void action(), Math.max(0, delayMs)).unref();
  }

  private announce(state: 'ready' | 'degraded', reason?: string): void {
    if (this.closing || this.announced === state) return;
    this.announced = state;
    if (state === 'ready') this.log.info('Redis is ready');
    else this.log.warn({ reason, database: this.database }, 'Redis is unavailable; reads bypass the cache');
  }
}

/** Returns an error code such as READONLY or ECONNREFUSED, never a message, which may quote data. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UNKNOWN';
  if (error.message === 'Command timed out') return 'TIMEOUT';
  if (error.name === 'ReplyError') return /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR';
  return 'code' in error && typeof error.code === 'string' ? error.code : 'CONNECTION';
}

/** True for error codes of a Redis that accepts no writes. */
function isRefusal(reason: string): boolean {
  return /^(READONLY|OOM|MISCONF|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|LOADING|NOAUTH|NOPERM|BUSY)$/.test(reason);
}
