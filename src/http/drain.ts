import { Server, type Socket } from 'node:net';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

export interface DrainTimes {
  /** Time between failing readiness and refusing connections, so that load balancers stop routing here first. */
  delayMs: number;
  /** Time that idle keep-alive connections stay open after the listener is closed. Defaults to 500. */
  idleGraceMs?: number | undefined;
  /** Time after the delay at which the remaining connections are destroyed. Defaults to 10,000. */
  timeoutMs?: number;
}

const sweepIntervalMs = 50;

/** Shuts a server down without dropping requests that reached it. */
export class Drain {
  private readonly sockets = new Set<Socket>();
  private started = false;
  private listenerClosed = false;

  constructor(private readonly app: FastifyInstance) {
    app.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    app.addHook('onSend', (_request, reply, _payload, done) => {
      if (this.listenerClosed) void reply.header('connection', 'close');
      done();
    });
  }

  /** True once `run` was called. Readiness fails from then on. */
  get isShuttingDown(): boolean {
    return this.started;
  }

  /** True once the listener is closed: every response then has `connection: close`. */
  get closesConnections(): boolean {
    return this.listenerClosed;
  }

  /**
   * Resolves when every connection has ended, after at most `delayMs` + `timeoutMs`.
   *
   * 1. Readiness fails, but all requests are served for `delayMs`.
   * 2. The listener is closed, and every response has `connection: close`.
   * 3. Idle connections are closed after `idleGraceMs`.
   * 4. Remaining connections are destroyed at `timeoutMs`.
   */
  async run({ delayMs, idleGraceMs = 500, timeoutMs = 10_000 }: DrainTimes): Promise<void> {
    this.started = true;
    if (this.app.server.listening) await delay(delayMs);
    // Closing the listener resets connections that are not accepted yet. After a turn of the event loop there are none.
    await setImmediate();
    this.listenerClosed = true;
    const allEnded = this.stopAccepting();

    // A busy client gets `connection: close` with its next response. Closing its connection between two requests
    // could reset the second one.
    const sweepFromMs = Date.now() + idleGraceMs;
    const sweep = setInterval(() => {
      if (Date.now() < sweepFromMs) return;
      // After a turn of the event loop, which reads what has arrived: a connection with an unread request is not idle.
      void setImmediate().then(() => this.closeIdleConnections());
    }, sweepIntervalMs);
    const destroyTimer = setTimeout(() => this.destroyConnections(), timeoutMs);
    await allEnded;
    clearInterval(sweep);
    clearTimeout(destroyTimer);
    await this.app.close();
  }

  private stopAccepting(): Promise<void> {
    const { server } = this.app;
    if (!server.listening) return Promise.resolve();
    // http.Server's own close() would close idle connections immediately.
    return new Promise((resolve) => Server.prototype.close.call(server, () => resolve()));
  }

  private closeIdleConnections(): void {
    this.app.server.closeIdleConnections();
    // Node considers a connection that never sent a byte busy until headersTimeout.
    for (const socket of this.sockets) if (socket.bytesRead === 0) socket.destroy();
  }

  private destroyConnections(): void {
    this.app.log.warn(
      { connections: this.sockets.size },
      'drain timed out: destroying the remaining connections',
    );
    this.app.server.closeAllConnections();
  }
}
