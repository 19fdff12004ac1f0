import { Redis } from 'ioredis';
import type { Logger } from 'pino';

export interface RedisClientOptions {
  /** A key this client may write, to find out whether Redis takes writes. */
  readonly probeKey?: string;
  /** How long one command may take, in milliseconds. */
  readonly commandTimeoutMs?: number;
  /** How many commands in a row may go unanswered before Redis counts as away. */
  readonly failureThreshold?: number;
  /** How long Redis is left alone after it was found away or refusing, in milliseconds. */
  readonly coolDownMs?: number;
}

/** Redis was not asked, did not answer in time, or refused. `reason` is a code without any data. */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError';

  constructor(readonly reason: string) {
    super(`Redis is unavailable: ${reason}`);
  }
}

/**
 * Connects to Redis in the background and answers at once: a Redis that is absent, comes late or goes away
 * is reached again by itself, and never fails or delays the start.
 */
export function createRedisClient(url: string, log: Logger, options: RedisClientOptions = {}): RedisClient {
  const redis = new Redis(url, {
    connectTimeout: 1000,
    disconnectTimeout: 100,
    commandTimeout: options.commandTimeoutMs ?? 100,
    enableOfflineQueue: false,
    // What is under way when the connection breaks fails then, not at its timeout, and is not sent again:
    // its caller has long gone another way.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => Math.min(50 * 2 ** (attempt - 1), 1000) * (0.8 + 0.4 * Math.random()),
  });
  return new RedisClient(redis, log, options);
}

/**
 * Runs commands on a Redis that is trusted, and refuses at once while it is not. A connection is trusted
 * after it took a write (a cache that takes no tombstones must not be read either) and until commands go
 * unanswered several times in a row, a write is refused, or it closes. Reconnecting is the half-open state:
 * it happens in the background, so that no caller waits for a probe.
 */
export class RedisClient {
  private trusted = false;
  private closing = false;
  private announced: 'ready' | 'degraded' | null = null;
  private failures = 0;
  private countFromMs = 0;
  private notBeforeMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly probeKey: string;
  private readonly failureThreshold: number;
  private readonly coolDownMs: number;

  constructor(
    private readonly redis: Redis,
    private readonly log: Logger,
    { probeKey = 'user-service:probe', failureThreshold = 3, coolDownMs = 1000 }: RedisClientOptions = {},
  ) {
    this.probeKey = probeKey;
    this.failureThreshold = failureThreshold;
    this.coolDownMs = coolDownMs;
    redis.on('error', (error) => this.announce('degraded', reasonOf(error)));
    redis.on('ready', () => this.later(this.notBeforeMs - performance.now(), () => this.probe()));
    redis.on('close', () => {
      clearTimeout(this.timer);
      this.trusted = false;
      this.announce('degraded', 'CLOSED');
    });
  }

  /**
   * Answers what the command answers, within the command timeout.
   * @throws RedisUnavailableError at once while Redis is away, else when the command failed
   */
  async run<Answer>(command: (redis: Redis) => Promise<Answer>): Promise<Answer> {
    if (!this.trusted) throw new RedisUnavailableError('DEGRADED');
    const startedAtMs = performance.now();
    try {
      const answer = await command(this.redis);
      this.failures = 0;
      return answer;
    } catch (error) {
      const reason = reasonOf(error);
      this.countFailure(reason, startedAtMs);
      // Not the original: the errors of ioredis carry the command with its arguments, which are personal data.
      throw new RedisUnavailableError(reason);
    }
  }

  /** Tells, without asking Redis, whether commands are being run. */
  status(): 'ready' | 'degraded' {
    return this.trusted ? 'ready' : 'degraded';
  }

  /** Ends the connection after the commands under way, within two command timeouts, and never rejects. */
  async close(): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    this.trusted = false;
    clearTimeout(this.timer);
    if (this.redis.status === 'ready') await this.redis.quit().catch(() => undefined);
    if (this.redis.status === 'end') return;
    const ended = new Promise<void>((resolve) => this.redis.once('end', () => resolve()));
    this.redis.disconnect();
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 100))]);
  }

  private countFailure(reason: string, startedAtMs: number): void {
    if (reason === 'WRONGTYPE' || reason === 'ERR') return;
    if (isRefusal(reason)) return this.distrust(reason);
    // Commands under way together fail together, also when it was this process that stood still; and what was
    // sent on an earlier connection says nothing about this one.
    if (startedAtMs < this.countFromMs) return;
    this.countFromMs = performance.now();
    this.failures += 1;
    if (this.failures >= this.failureThreshold) this.distrust(reason);
  }

  private distrust(reason: string): void {
    if (!this.trusted) return;
    this.trusted = false;
    this.announce('degraded', reason);
    this.notBeforeMs = performance.now() + this.coolDownMs;
    // A new connection: the old one may be stuck in retransmissions, or lead to what is now a replica.
    this.redis.disconnect(true);
  }

  private async probe(): Promise<void> {
    try {
      await this.redis.set(this.probeKey, '1', 'PX', 1000);
      this.trusted = !this.closing;
      this.countFromMs = performance.now();
      // On probation: the first command that goes unanswered is enough.
      if (this.announced === 'degraded') this.failures = this.failureThreshold - 1;
      this.announce('ready');
    } catch (error) {
      this.announce('degraded', reasonOf(error));
      this.later(this.coolDownMs, () => this.redis.disconnect(true));
    }
  }

  private later(delayMs: number, action: () => void | Promise<void>): void {
    clearTimeout(this.timer);
    if (!this.closing) this.timer = setTimeout(() => void action(), Math.max(0, delayMs)).unref();
  }

  private announce(state: 'ready' | 'degraded', reason?: string): void {
    if (this.closing || this.announced === state) return;
    this.announced = state;
    if (state === 'ready') this.log.info('Redis is ready');
    else this.log.warn({ reason }, 'Redis is away; reading past the cache until it is back');
  }
}

/** An error code such as READONLY or ECONNREFUSED, never a message, which may quote data. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UNKNOWN';
  if (error.message === 'Command timed out') return 'TIMEOUT';
  if (error.name === 'ReplyError') return /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR';
  return 'code' in error && typeof error.code === 'string' ? error.code : 'CONNECTION';
}

/** Answers that mean: this Redis will not take writes. */
function isRefusal(reason: string): boolean {
  return /^(READONLY|OOM|MISCONF|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|LOADING|NOAUTH|NOPERM|BUSY)$/.test(reason);
}
