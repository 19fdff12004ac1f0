import { Client } from 'pg';

/** What pg says when its own `query_timeout` is over. */
const queryTimeoutMessage = 'Query read timeout';

/**
 * A pg client that hangs up when its `query_timeout` is over.
 * A frozen server never answers the query that timed out, and pg would queue the next one behind it.
 */
export class DeadlineClient extends Client {
  constructor(config?: ConstructorParameters<typeof Client>[0]) {
    super(config);
    const send = this.query.bind(this) as (...args: unknown[]) => unknown;
    const query = (...args: unknown[]): unknown => {
      const callback = args.at(-1);
      if (typeof callback === 'function') {
        args[args.length - 1] = (error: Error | null, ...rest: unknown[]) => {
          this.hangUpAfter(error);
          callback(error, ...rest);
        };
        return send(...args);
      }
      const result = send(...args);
      if (result instanceof Promise) result.catch((error: unknown) => this.hangUpAfter(error));
      return result;
    };
    this.query = query as typeof this.query;
  }

  private hangUpAfter(error: unknown): void {
    if ((error as Error | null)?.message !== queryTimeoutMessage) return;
    const { connection } = this as unknown as { connection: { stream: { destroy(): void } } };
    connection.stream.destroy();
  }
}
