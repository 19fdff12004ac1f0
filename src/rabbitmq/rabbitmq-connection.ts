import { setTimeout as delay } from 'node:timers/promises';
import { type ChannelModel, connect } from 'amqplib';
import type { Logger } from 'pino';
import { withDeadline } from './deadline';

const connectTimeoutMs = 5_000;
const setupTimeoutMs = 5_000;
const closeTimeoutMs = 1_500;
const heartbeatSeconds = 5;
/** A connection that lives shorter than this counts as a failed one. */
const stableAfterMs = 5_000;
/** A broker that refuses what we declare is asked less often than one that is away. */
const lastBackoffMs = { connect: 2_000, setup: 10_000 };

export interface RabbitMqConnectionOptions {
  readonly url: string;
  /** What it is for; shown in the broker's list of connections and in the log. */
  readonly name: string;
  readonly log: Logger;
  /**
   * Builds channels on a new connection. When it throws, or calls `drop` at any time later, this connection is
   * given up and everything begins again.
   */
  readonly setup: (connection: ChannelModel, drop: () => void) => Promise<void>;
}

/** A connection to RabbitMQ that comes back for ever, building everything on it anew. Never throws. */
export class RabbitMqConnection {
  private readonly closing = new AbortController();
  private readonly running: Promise<void>;
  private dropCurrent: () => void = () => undefined;
  private ready = false;
  private blocked = false;

  constructor(private readonly options: RabbitMqConnectionOptions) {
    this.running = this.keepConnected();
  }

  /** Whether it is set up and the broker takes messages (no memory or disk alarm). */
  get isReady(): boolean {
    return this.ready && !this.blocked;
  }

  /** Gives up the present connection, so that everything is built anew. */
  restart(): void {
    this.dropCurrent();
  }

  /** Bounded: a frozen broker is hung up on. */
  async close(): Promise<void> {
    this.closing.abort();
    this.dropCurrent();
    await this.running;
  }

  private async keepConnected(): Promise<void> {
    const { log, name } = this.options;
    for (let failures = 0; !this.closing.signal.aborted; ) {
      const connection = await this.connect(failures === 0);
      const livedMs = connection ? await this.use(connection) : 0;
      if (this.closing.signal.aborted) return;
      if (livedMs > 0) log.warn({ connection: name, livedMs }, 'the connection to RabbitMQ was lost');
      failures = livedMs > stableAfterMs ? 0 : failures + 1;
      const backoffMs = Math.min(50 * 2 ** failures, lastBackoffMs[connection ? 'setup' : 'connect']);
      // Replicas that lost the same broker should not come back in step.
      await delay(backoffMs * (0.75 + Math.random() / 2), undefined, { signal: this.closing.signal }).catch(
        () => undefined,
      );
    }
  }

  private async connect(isFirstAttempt: boolean): Promise<ChannelModel | null> {
    const { url, name, log } = this.options;
    const { signal } = this.closing;
    const connecting = (async () =>
      connect(withHeartbeat(url), {
        timeout: connectTimeoutMs,
        // Small frames are waited for: Nagle's algorithm would hold them back for a delayed acknowledgement.
        noDelay: true,
        clientProperties: { connection_name: `user-service ${name}` },
      }))();
    let abort: () => void = () => undefined;
    const aborted = new Promise<null>((resolve) => {
      abort = () => resolve(null);
    });
    signal.addEventListener('abort', abort, { once: true });
    try {
      const connection = await Promise.race([connecting, aborted]);
      if (connection && !signal.aborted) return connection;
      connecting.then(hangUp, () => undefined);
    } catch (error) {
      if (isFirstAttempt) log.warn({ err: error, connection: name }, 'waiting for RabbitMQ');
    } finally {
      signal.removeEventListener('abort', abort);
    }
    return null;
  }

  /** Sets the connection up and waits for its end; answers how long it was ready, in milliseconds. */
  private async use(connection: ChannelModel): Promise<number> {
    const { name, log, setup } = this.options;
    let dropped = false;
    let readyAtMs: number | null = null;
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const drop = () => {
      if (dropped) return;
      dropped = true;
      this.ready = false;
      void withDeadline(connection.close(), closeTimeoutMs)
        .catch(() => hangUp(connection))
        .then(end);
    };
    // Before anything else: an unheard error ends the process.
    connection.on('error', (error: Error) => {
      if (!dropped) log.warn({ err: error, connection: name }, 'RabbitMQ connection failed');
    });
    connection.on('close', () => {
      this.ready = false;
      end();
    });
    connection.on('blocked', () => {
      this.blocked = true;
      log.warn({ connection: name }, 'RabbitMQ takes no messages: a memory or disk alarm');
    });
    connection.on('unblocked', () => {
      this.blocked = false;
      log.info({ connection: name }, 'RabbitMQ takes messages again');
    });
    this.blocked = false;
    this.dropCurrent = drop;
    try {
      // A connection that ends in the middle leaves replies out that setting up waits for.
      const whole = Promise.race([setup(connection, drop).then(() => true), ended.then(() => false)]);
      if ((await withDeadline(whole, setupTimeoutMs)) && !dropped) {
        this.ready = true;
        readyAtMs = performance.now();
        log.info({ connection: name }, 'connected to RabbitMQ');
      }
    } catch (error) {
      if (!dropped) log.debug({ err: error, connection: name }, 'RabbitMQ could not be set up');
      drop();
    }
    await ended;
    this.ready = false;
    return readyAtMs === null ? 0 : Math.max(1, performance.now() - readyAtMs);
  }
}

/** amqplib takes the heartbeat from the URL only. */
function withHeartbeat(text: string): string {
  const url = new URL(text);
  if (!url.searchParams.has('heartbeat')) url.searchParams.set('heartbeat', String(heartbeatSeconds));
  return url.href;
}

/** Ends the connection without asking; amqplib hears of the end only with an error. */
function hangUp(connection: ChannelModel): void {
  const { stream } = connection.connection as unknown as { stream: { destroy(error: Error): void } };
  connection.on('error', () => undefined);
  stream.destroy(new Error('hung up'));
}
