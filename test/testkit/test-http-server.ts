import { setTimeout as delay } from 'node:timers/promises';
import { ApolloServer } from '@apollo/server';
import type { HttpRequest } from '../../src/http/http-request';
import { createHttpServer, type HttpServer, type HttpServerOptions } from '../../src/http/server';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';

interface TestContext {
  request: HttpRequest;
}

/** The HTTP server in front of a minimal graph, so that every failure is the server's. */
export interface TestHttpServer {
  readonly url: string;
  readonly http: HttpServer;
  readonly logLines: string[];
  /** The deadlines of requests for `never`. */
  readonly deadlines: { readonly aborted: boolean }[];
  post(body: string, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
  close(): Promise<void>;
}

const typeDefs =
  'type Query { hello: String!, requestId: String!, wait(ms: Int!): Int!, text(length: Int!): String!, never: Int }';

/** Starts the HTTP server on a free port of the loopback address. */
export async function startTestHttpServer(
  options: Partial<HttpServerOptions<TestContext>> = {},
): Promise<TestHttpServer> {
  const deadlines: { readonly aborted: boolean }[] = [];
  const logLines: string[] = [];
  const apollo = new ApolloServer<TestContext>({
    typeDefs,
    stopOnTerminationSignals: false,
    resolvers: {
      Query: {
        hello: () => 'world',
        requestId: (_source: unknown, _args: unknown, { request }: TestContext) => request.id,
        text: (_source: unknown, { length }: { length: number }) => 'ä'.repeat(length),
        wait: async (_source: unknown, { ms }: { ms: number }) => delay(ms, ms),
        never(_source: unknown, _args: unknown, { request }: TestContext) {
          deadlines.push(request.deadline);
          return new Promise(() => undefined);
        },
      },
    },
  });
  await apollo.start();
  const http = await createHttpServer<TestContext>({
    apollo,
    context: async (request) => ({ request }),
    routerProof: () => true,
    readiness: async () => ({ ready: true, degraded: [] }),
    metrics: createMetrics(),
    log: createLogger({
      level: 'debug',
      readable: false,
      destination: { write: (line) => logLines.push(line) },
    }),
    bodyLimitBytes: 262_144,
    ...options,
  });
  const url = await http.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    http,
    logLines,
    deadlines,
    post: (body, headers = {}, signal) =>
      fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
        ...(signal && { signal }),
      }),
    async close() {
      await http.drain({ delayMs: 0, idleGraceMs: 0 });
      await apollo.stop();
    },
  };
}
