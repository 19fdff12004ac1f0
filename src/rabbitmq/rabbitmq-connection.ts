import { type ChannelModel, connect } from 'amqplib';
import type { Logger } from 'pino';
import { pause } from '../scheduling/pause';
import { within } from '../scheduling/within';
import { guardDecoding } from './guarded-decoding';

const connectTimeoutMs = 5_000;
const setupTimeoutMs = 5_000;
const closeTimeoutMs = 1_500;
const heartbeatSeconds = 5;
/** A connection that ends sooner than this counts as a failure. */
const stableAfterMs = 5_000;
/** Limits of the back-off. A broker that rejects declarations is retried less often than an unreachable one. */
const maxBackoffMs = { connect: 2_000, setup: 10_000 };

export interface RabbitMqConnectionOptions {
  readonly url: string;
  /** Purpose of the connection, shown in RabbitMQ's list of connections and in the log. */
  readonly name: string;
  readonly log: Logger;
  /**
   * Opens channels on a new connection. If it throws, or calls `drop` at any time later, the connection is closed
   * and a new one is opened and set up.
   */
  readonly setup: (connection: ChannelModel, drop: () => void) => Promise<void>;
}

/** A connection to RabbitMQ that reconnects, and runs `setup` each time, until `close`. Its methods never throw. */
export class RabbitMqConnection {
  private readonly closing = new AbortController();
  private readonly running: Promise<void>;
  private dropCurrent: () => void = () => undefined;
  private ready = false;
  private blocked = false;
  private lastFailure: string | null = null;

  constructor(private readonly options: RabbitMqConnectionOptions) {
    this.running = this.keepConnected();
  }

  /** True while the connection is set up and RabbitMQ accepts messages (no memory or disk alarm). */
  get isReady(): boolean {
    return this.ready && !this.blocked;
  }

  /** Closes the current connection, so that a new one is opened and set up. */
  restart(): void {
    this.dropCurrent();
  }

  /** Closes the connection for good. If RabbitMQ does not respond within 1.5 seconds, destroys the socket. */
  async close(): Promise<void> {
    this.closing.abort();
    this.dropCurrent();
    await this.running;
  }

  private async keepConnected(): Promise<void> {
    const { log, name } = this.options;
    for (let failures = 0; !this.closing.signal.aborted; ) {
      const connection = await this.connect();
      const livedMs = connection ? await this.use(connection) : 0;
      if (this.closing.signal.aborted) return;
      if (livedMs > 0) log.warn({ connection: name, livedMs }, 'the connection to RabbitMQ was lost');
      failures = livedMs > stableAfterMs ? 0 : failures + 1;
      const backoffMs = Math.min(50 * 2 ** failures, maxBackoffMs[connection ? 'setup' : 'connect']);
      // Random, so that replicas that lost the same broker do not reconnect in step.
      await pause(backoffMs * (0.75 + Math.random() / 2), this.closing.signal);
    }
  }

  private async connect(): Promise<ChannelModel | null> {
    const { url, name, log } = this.options;
    const { signal } = this.closing;
    const connecting = (async () =>
      connect(withHeartbeat(url), {
        timeout: connectTimeoutMs,
        // Nagle's algorithm would delay small frames until a delayed TCP acknowledgement arrives.
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
      if (connection && !signal.aborted) {
        this.lastFailure = null;
        return connection;
      }
      connecting.then(hangUp, () => undefined);
    } catch (error) {
      const { level, reason } = connectFailure(error);
      if (reason !== this.lastFailure) log[level]({ reason, connection: name }, 'waiting for RabbitMQ');
      this.lastFailure = reason;
    } finally {
      signal.removeEventListener('abort', abort);
    }
    return null;
  }

  /** Sets the connection up and waits for its end. Returns how many milliseconds it was ready, or 0. */
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
      void within(connection.close(), closeTimeoutMs, 'RabbitMQ did not close the connection in time')
        .catch(() => hangUp(connection))
        .then(end);
    };
    guardDecoding(connection);
    // Before any other call, because an error event without a listener ends the process.
    connection.on('error', (error: Error) => {
      if (!dropped) log.warn({ err: error, connection: name }, 'RabbitMQ connection failed');
    });
    connection.on('close', () => {
      this.ready = false;
      end();
    });
    connection.on('blocked', () => {
      this.blocked = true;
      log.warn({ connection: name }, 'RabbitMQ blocked the connection: a memory or disk alarm');
    });
    connection.on('unblocked', () => {
      this.blocked = false;
      log.info({ connection: name }, 'RabbitMQ unblocked the connection');
    });
    this.blocked = false;
    this.dropCurrent = drop;
    try {
      // If the connection ends during setup, pending replies never arrive.
      const whole = Promise.race([setup(connection, drop).then(() => true), ended.then(() => false)]);
      if ((await within(whole, setupTimeoutMs, 'RabbitMQ did not respond in time')) && !dropped) {
        this.ready = true;
        readyAtMs = performance.now();
        log.info({ connection: name }, 'connected to RabbitMQ');
      }
    } catch (error) {
      if (!dropped)
        log.debug({ err: error, connection: name }, 'the connection to RabbitMQ could not be set up');
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

/** Destroys the socket without a closing handshake. amqplib notices that only if there is an error. */
function hangUp(connection: ChannelModel): void {
  const { stream } = connection.connection as unknown as { stream: { destroy(error: Error): void } };
  connection.on('error', () => undefined);
  stream.destroy(new Error('the service closed the connection'));
}

/** Returns why a connection was not made, without the URL. A refusal lasts until a person changes a setting. */
function connectFailure(error: unknown): { level: 'warn' | 'error'; reason: string } {
  const { code, message = '' } = error as { code?: unknown; message?: string };
  if (message.includes('ACCESS_REFUSED')) return { level: 'error', reason: 'RabbitMQ refused the login' };
  // amqplib drops the broker's text here: the virtual host is unknown, or closed to this user.
  if (message.startsWith('Expected ConnectionOpenOk; got <ConnectionClose'))
    return { level: 'error', reason: 'RabbitMQ refused the virtual host' };
  return { level: 'warn', reason: typeof code === 'string' ? code : message };
}
