import { Server, type Socket } from 'node:net';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

export interface DrainTimes {
  /** How long to go on serving as before while readiness already says no, so that balancers look elsewhere. */
  delayMs: number;
  /** How long an idle keep-alive connection may still send a request once no new ones are accepted. */
  idleGraceMs?: number;
  /** When the connections that are left are cut, counted from the end of the delay. */
  timeoutMs?: number;
}

const sweepIntervalMs = 50;

/** Ends a server's connections without losing a request that reached it. */
export class Drain {
  private readonly sockets = new Set<Socket>();
  private begun = false;
  private stopped = false;

  constructor(private readonly app: FastifyInstance) {
    app.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    app.addHook('onSend', (_request, reply, _payload, done) => {
      if (this.stopped) void reply.header('connection', 'close');
      done();
    });
  }

  /** Whether shutting down has begun: readiness answers no from here on. */
  get isShuttingDown(): boolean {
    return this.begun;
  }

  /**
   * Resolves once every connection has ended, at most `delayMs` + `timeoutMs` later.
   *
   * Not ready, but serving as before → no new connections, and every answer says `connection: close` → idle
   * connections are closed after a grace → what is left at the timeout is cut.
   */
  async run({ delayMs, idleGraceMs = 500, timeoutMs = 10_000 }: DrainTimes): Promise<void> {
    this.begun = true;
    await delay(delayMs);
    // Closing resets connections that wait to be accepted: right after the loop has looked there are none. Nobody
    // is told to connect again before nobody can.
    await setImmediate();
    this.stopped = true;
    const allEnded = this.stopAccepting();

    // A busy client learns of the end from its next answer. Closing its connection in the moment between two
    // requests would reset the second one.
    const sweepFrom = Date.now() + idleGraceMs;
    const sweep = setInterval(() => {
      if (Date.now() >= sweepFrom) this.closeIdleConnections();
    }, sweepIntervalMs);
    const cut = setTimeout(() => this.cutConnections(), timeoutMs);
    await allEnded;
    clearInterval(sweep);
    clearTimeout(cut);
    await this.app.close();
  }

  private stopAccepting(): Promise<void> {
    const { server } = this.app;
    if (!server.listening) return Promise.resolve();
    // Not http.Server's own close(): that one closes idle connections at once.
    return new Promise((resolve) => Server.prototype.close.call(server, () => resolve()));
  }

  private closeIdleConnections(): void {
    this.app.server.closeIdleConnections();
    // To Node, a connection that never sent anything is busy until headersTimeout.
    for (const socket of this.sockets) if (socket.bytesRead === 0) socket.destroy();
  }

  private cutConnections(): void {
    this.app.log.warn({ connections: this.sockets.size }, 'cutting the connections that did not end in time');
    this.app.server.closeAllConnections();
  }
}
