import { Client } from 'pg';
import { preparedNameOf } from './prepared';

/** What pg says when its own `query_timeout` is over. */
const queryTimeoutMessage = 'Query read timeout';

/**
 * A pg client that hangs up when its `query_timeout` is over, and keeps the plans of `prepared` statements.
 * A frozen server never answers the query that timed out, and pg would queue the next one behind it.
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
