import type { Socket } from 'node:net';
import { Client } from 'pg';
import { traceCall } from '../telemetry/active-trace';
import { preparedNameOf } from './prepared';
import { describeStatement } from './statement-summary';

/** The timeouts that PostgreSQL enforces, in milliseconds, by the name of its parameter. */
export type ServerTimeouts = Readonly<
  Record<'statement_timeout' | 'lock_timeout' | 'idle_in_transaction_session_timeout', number>
>;

/** How long a request to cancel a query may take, in milliseconds. A hanging server never closes its connection. */
const cancelLimitMs = 500;
/** The message of pg's error when `query_timeout` expires. */
const queryTimeoutMessage = 'Query read timeout';
const startsTransaction = /^(START TRANSACTION|BEGIN)\b/i;

type Send = (...args: unknown[]) => unknown;

/**
 * A pg client that closes its connection when `query_timeout` expires, and sends `prepared` statements by name.
 * A hanging server never completes the query that timed out, and pg would queue the next query behind it.
 *
 * Behind a pooler such as PgBouncer in transaction mode, each transaction may run on another session of the server.
 * There the client sets the timeouts in each transaction, runs a single statement in a transaction of its own, and
 * sends no statement by name.
 */
export class DeadlineClient extends Client {
  private readonly send: Send;
  private timeouts: ServerTimeouts | undefined;
  private isPooled = false;

  constructor(config?: ConstructorParameters<typeof Client>[0]) {
    super(config);
    this.send = this.query.bind(this) as Send;
    this.query = ((...args: unknown[]) => this.sendInTime(args)) as typeof this.query;
  }

  /**
   * Makes PostgreSQL enforce the timeouts on this connection. Call it once, before the first query.
   * They are not startup parameters, because PgBouncer refuses those.
   */
  async enforce(timeouts: ServerTimeouts): Promise<void> {
    const { rows } = await this.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    // A pooler gives each client a process id that no session of the server has.
    this.isPooled = rows[0]?.pid !== (this as unknown as { processID: number }).processID;
    this.timeouts = timeouts;
    if (!this.isPooled) await this.query(settingsOf('SET', timeouts));
  }

  private sendInTime(args: unknown[]): unknown {
    const [sql] = args;
    if (this.isPooled && this.timeouts && typeof sql === 'string') {
      const setLocal = settingsOf('SET LOCAL', this.timeouts);
      if (startsTransaction.test(sql)) return this.sendOne([`${sql}; ${setLocal}`]);
      if (this.getTransactionStatus() === 'I') return this.sendAlone(`BEGIN; ${setLocal}`, args);
      return this.sendOne(args);
    }
    const name = preparedNameOf(sql);
    return this.sendOne(name === undefined ? args : [{ name, text: sql }, ...args.slice(1)]);
  }

  /** Sends the statement in a transaction of its own. Resolves after the commit. */
  private async sendAlone(begin: string, args: unknown[]): Promise<unknown> {
    await this.sendOne([begin]);
    try {
      const result = await this.sendOne(args);
      await this.sendOne(['COMMIT']);
      return result;
    } catch (error) {
      await Promise.resolve(this.sendOne(['ROLLBACK'])).catch(() => undefined);
      throw error;
    }
  }

  private sendOne(args: unknown[]): unknown {
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      const withTimeout = (error: Error | null, ...rest: unknown[]) => {
        this.closeAfterTimeout(error);
        callback(error, ...rest);
      };
      return this.send(...args.slice(0, -1), withTimeout);
    }
    const result = traceCall(
      () => describeStatement(args[0]),
      () => this.send(...args),
    );
    if (result instanceof Promise) result.catch((error: unknown) => this.closeAfterTimeout(error));
    return result;
  }

  /**
   * Cancels the running query on the server, then closes the connection, so that no later query is cancelled. Resolves
   * when it is closed. PgBouncer cancels only the queries of clients that are still connected.
   */
  async abandonQuery(): Promise<void> {
    const { host, port, processID, secretKey, connection } = this as unknown as ConnectedClient;
    const { connection: canceller } = new Client({ host, port }) as unknown as ConnectedClient;
    await new Promise<void>((resolve) => {
      // If the request is lost, the query ends at its statement timeout.
      canceller.on('error', () => resolve());
      canceller.once('end', resolve);
      setTimeout(resolve, cancelLimitMs);
      canceller.once('connect', () => canceller.cancel(processID, secretKey));
      if (host.startsWith('/')) canceller.connect(`${host}/.s.PGSQL.${port}`);
      else canceller.connect(port, host);
    });
    canceller.stream.destroy();
    if (connection.stream.destroyed) return;
    await new Promise((resolve) => connection.stream.once('close', resolve).destroy());
  }

  private closeAfterTimeout(error: unknown): void {
    if ((error as Error | null)?.message !== queryTimeoutMessage) return;
    (this as unknown as ConnectedClient).connection.stream.destroy();
  }
}

/** What pg's types leave out. */
interface ConnectedClient {
  readonly host: string;
  readonly port: number;
  readonly processID: number;
  readonly secretKey: number;
  readonly connection: {
    readonly stream: Socket;
    on(event: 'error', listener: () => void): void;
    once(event: 'connect' | 'end', listener: () => void): void;
    connect(...address: [path: string] | [port: number, host: string]): void;
    cancel(processId: number, secretKey: number): void;
  };
}

function settingsOf(command: 'SET' | 'SET LOCAL', timeouts: ServerTimeouts): string {
  return Object.entries(timeouts)
    .map(([name, durationMs]) => `${command} ${name} = ${durationMs}`)
    .join('; ');
}
