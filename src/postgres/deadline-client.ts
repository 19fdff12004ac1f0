import { Client } from 'pg';
import { preparedNameOf } from './prepared';

/** The message of pg's error when `query_timeout` expires. */
const queryTimeoutMessage = 'Query read timeout';

/**
 * A pg client that closes its connection when `query_timeout` expires, and sends `prepared` statements by name.
 * A frozen server never completes the query that timed out, and pg would queue the next query behind it.
 */
export class DeadlineClient extends Client {
  constructor(config?: ConstructorParameters<typeof Client>[0]) {
    super(config);
    const send = this.query.bind(this) as (...args: unknown[]) => unknown;
    const query = (...args: unknown[]): unknown => {
      const name = preparedNameOf(args[0]);
      if (name !== undefined) args[0] = { name, text: args[0] };
      const callback = args.at(-1);
      if (typeof callback === 'function') {
        args[args.length - 1] = (error: Error | null, ...rest: unknown[]) => {
          this.closeAfterTimeout(error);
          callback(error, ...rest);
        };
        return send(...args);
      }
      const result = send(...args);
      if (result instanceof Promise) result.catch((error: unknown) => this.closeAfterTimeout(error));
      return result;
    };
    this.query = query as typeof this.query;
  }

  private closeAfterTimeout(error: unknown): void {
    if ((error as Error | null)?.message !== queryTimeoutMessage) return;
    const { connection } = this as unknown as { connection: { stream: { destroy(): void } } };
    connection.stream.destroy();
  }
}
