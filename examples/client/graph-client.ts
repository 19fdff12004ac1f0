import { setTimeout as delay } from 'node:timers/promises';
import type { TypedDocumentString } from './generated/operations';

export interface GraphClientOptions {
  readonly url: string;
  readonly token: string;
  /** Attempts until an operation fails for good. Defaults to 5. */
  readonly attempts?: number;
  /** The pause before the second attempt in milliseconds, which doubles each time. Defaults to 100. */
  readonly retryMs?: number;
}

/** An error that the graph reports in `errors`: a fault, or an operation that the caller may not run. */
export class GraphError extends Error {
  override name = 'GraphError';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

interface GraphResponse<Result> {
  readonly data?: Result | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** Sends operations. Its results and variables have the types of the documents. */
export class GraphClient {
  constructor(private readonly options: GraphClientOptions) {}

  /**
   * Returns the data of the response. Repeats the operation while the service cannot be reached or is unavailable, so a
   * mutation must carry an `idempotencyKey`: the service may have executed it before the connection broke.
   *
   * @throws GraphError
   */
  async send<Result, Variables>(
    document: TypedDocumentString<Result, Variables>,
    variables: Variables,
  ): Promise<Result> {
    const { attempts = 5, retryMs = 100 } = this.options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.sendOnce(document, variables);
      } catch (error) {
        const isFinal = error instanceof GraphError && error.code !== 'SERVICE_UNAVAILABLE';
        if (isFinal || attempt >= attempts) throw error;
        await delay(retryMs * 2 ** (attempt - 1));
      }
    }
  }

  private async sendOnce<Result, Variables>(
    document: TypedDocumentString<Result, Variables>,
    variables: Variables,
  ): Promise<Result> {
    const response = await fetch(this.options.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.options.token}` },
      body: JSON.stringify({ query: document.toString(), variables }),
      signal: AbortSignal.timeout(5_000),
    });
    const { data, errors } = (await response.json()) as GraphResponse<Result>;
    const [error] = errors ?? [];
    if (error) throw new GraphError(error.extensions?.code ?? 'INTERNAL_SERVER_ERROR', error.message);
    return data as Result;
  }
}
