import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { runInTrace } from '../telemetry/active-trace';
import type { Logger } from '../telemetry/logger';
import type { Tracing } from '../telemetry/tracing';
import type { Concurrency } from './concurrency';
import { Deadline, RequestTimeoutError } from './deadline';
import type { HttpRequest } from './http-request';
import { requestIdOf } from './request-id';
import { loggerOfTrace, traceRequest } from './trace-request';

/** A response to a prepared query: JSON, and the value of `Cache-Control`. */
export interface PreparedResponse {
  readonly json: string;
  readonly cacheControl: string;
}

export interface PreparedQueryListenerOptions<Context> {
  /** Returns the response to a prepared query, or null for any other request and for a query with errors. */
  readonly respondToQuery: (
    body: unknown,
    createContext: () => Promise<Context>,
  ) => Promise<PreparedResponse | null>;
  readonly context: (request: HttpRequest) => Promise<Context>;
  /** Returns the caller's id; null without a token. Resolves to null for an invalid one, never rejects. */
  readonly actorId: (request: HttpRequest) => Promise<string | null> | null;
  /** True if the value of `Router-Authorization` proves that the router sent the request. */
  readonly routerProof: (header: string | undefined) => boolean;
  readonly concurrency: Concurrency;
  readonly bodyLimitBytes: number;
  readonly requestTimeoutMs: number;
  readonly tracing: Tracing | null;
  readonly log: Logger;
  /** True while the server drains. Fastify then serves new requests. */
  readonly isDraining: () => boolean;
  /** True once responses need `connection: close`. */
  readonly closesConnections: () => boolean;
  /** Called after each response that this class sends, with the time that it took. */
  readonly onResponse: (request: HttpRequest, statusCode: number, elapsedMs: number) => void;
}

/** What Fastify reuses of a request that is handed over. The query itself runs again. */
export interface HandedOver {
  readonly request: ReceivedRequest;
  readonly body: Buffer;
  /** Ends the counted operation. Null after a timeout: the query is still running and ends it itself. */
  readonly end: (() => void) | null;
  readonly hasTimedOut: boolean;
}

const jsonTypes = new Set(['application/json', 'application/json; charset=utf-8']);
const acceptedTypes = new Set(['*/*', 'application/*', 'application/json']);
/** Keys that make Fastify's JSON parser refuse a body, and escapes that could hide them. */
const suspectText = /__proto__|constructor|\\u00/;

/**
 * Responds to prepared queries (docs/glossary.md) directly from `node:http`. All other requests, and those whose result
 * has an error, are handed over to the listener of Fastify, which finds what was done already with `handedOver`.
 */
export class PreparedQueryListener<Context> {
  private readonly states = new WeakMap<IncomingMessage, HandedOver>();

  constructor(private readonly options: PreparedQueryListenerOptions<Context>) {}

  /** Returns the listener to install in place of `otherwise`. */
  listener(otherwise: RequestListener): RequestListener {
    return (message, response) => {
      if (!this.mayBePrepared(message)) otherwise(message, response);
      else void this.respond(message, response, otherwise);
    };
  }

  /** Returns what was done for a request, or null if Fastify must handle it from the start. */
  handedOver(message: IncomingMessage): HandedOver | null {
    return this.states.get(message) ?? null;
  }

  /** True if only the body decides whether the request is a prepared query. */
  private mayBePrepared({ method, url, headers }: IncomingMessage): boolean {
    const length = Number(headers['content-length']);
    const proof = headers['router-authorization'];
    return (
      method === 'POST' &&
      url === '/graphql' &&
      length > 0 &&
      length <= this.options.bodyLimitBytes &&
      jsonTypes.has(headers['content-type']?.toLowerCase() ?? '') &&
      headers['content-encoding'] === undefined &&
      headers['apollo-federation-include-trace'] === undefined &&
      headers.expect === undefined &&
      takesJson(headers.accept) &&
      !this.options.isDraining() &&
      this.options.routerProof(Array.isArray(proof) ? proof.join(', ') : proof)
    );
  }

  private async respond(message: IncomingMessage, response: ServerResponse, otherwise: RequestListener) {
    const { actorId, concurrency, requestTimeoutMs } = this.options;
    const request = new ReceivedRequest(message, response, this.options);
    // Counted first, so that refused requests use no memory for bodies.
    const end = concurrency.enter(await actorId(request));
    const body = end && (await readBody(message));
    if (!end || !body) {
      end?.();
      // Fastify sends the error for too many operations. Without a body the client has disconnected.
      if (!end) otherwise(message, response);
      return;
    }
    request.bodyReadAtMs = performance.now();
    request.trace(response);
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      request.deadline.abort(new RequestTimeoutError(requestTimeoutMs));
      this.states.set(message, { request, body, end: null, hasTimedOut: true });
      otherwise(message, response);
    }, requestTimeoutMs);
    const result = await this.query(request, body);
    if (isOver) return end();
    clearTimeout(timer);
    if (result === null) {
      this.states.set(message, { request, body, end, hasTimedOut: false });
      otherwise(message, response);
      return;
    }
    // The operation counts until its response is sent.
    if (response.destroyed) end();
    else response.once('close', end);
    if (this.options.closesConnections()) response.setHeader('connection', 'close');
    response.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(result.json),
      'cache-control': result.cacheControl,
      'x-request-id': request.id,
    });
    response.end(result.json);
    this.options.onResponse(request, 200, performance.now() - request.startedAtMs);
  }

  /** Returns the response, or null if Fastify has to respond. */
  private async query(request: ReceivedRequest, bytes: Buffer): Promise<PreparedResponse | null> {
    const { respondToQuery, context, tracing } = this.options;
    try {
      if (!isUtf8(bytes)) return null;
      const text = bytes.toString();
      if (suspectText.test(text)) return null;
      return await runInTrace(tracing, request.traceparent, () =>
        respondToQuery(JSON.parse(text), () => context(request)),
      );
    } catch {
      // Apollo Server runs the query again and reports its error.
      return null;
    }
  }
}

/** Returns a stream of a body that was read before. */
export function streamOf(body: Buffer): Readable {
  return Readable.from([body], { objectMode: false });
}

class ReceivedRequest implements HttpRequest {
  readonly id: string;
  readonly startedAtMs = performance.now();
  /** When the time limit of the operation begins: the client decides how long its body takes. */
  bodyReadAtMs = 0;
  traceparent: string | null = null;
  readonly deadline: Deadline;

  constructor(
    private readonly message: IncomingMessage,
    response: ServerResponse,
    private readonly options: { readonly log: Logger; readonly tracing: Tracing | null },
  ) {
    this.id = requestIdOf(message);
    this.deadline = new Deadline(response);
  }

  get headers() {
    return this.message.headers;
  }

  get log(): Logger {
    return loggerOfTrace(this.options.log.child({ requestId: this.id }), this.traceparent);
  }

  /** Sets the trace context, as for requests that Fastify receives. */
  trace(response: ServerResponse): void {
    const { message, id } = this;
    this.traceparent = traceRequest(
      { id, method: 'POST', route: '/graphql', headers: message.headers },
      response,
      this.options.tracing,
    );
  }
}

/** Returns the body, or null if the connection closes before it is complete. */
async function readBody(message: IncomingMessage): Promise<Buffer | null> {
  // A connection that closed before emits no further event.
  if (message.destroyed) return null;
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    // The first of these decides: later calls of `resolve` have no effect.
    message.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    message.on('error', () => resolve(null));
    message.on('close', () => resolve(null));
  });
}

/** True if the response may be plain JSON. Other media types are made by Apollo Server. */
function takesJson(accept: string | undefined): boolean {
  if (accept === undefined || accept === '*/*') return true;
  // Without weights the first type that both sides know is the one to send.
  if (accept.includes('q=')) return false;
  for (const type of accept.split(',')) {
    const name = type.split(';', 1)[0]?.trim() ?? '';
    if (acceptedTypes.has(name)) return true;
    if (name === 'application/graphql-response+json') return false;
  }
  return false;
}
