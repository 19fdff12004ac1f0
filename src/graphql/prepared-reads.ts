import type { ApolloServerPlugin } from '@apollo/server';
import type { GraphQLSchema } from 'graphql';
import type { AccessLog } from '../audit/access-log';
import type { CheckOperationLimits } from '../subgraph/limits';
import { PreparedOperations } from '../subgraph/prepared-operations';
import type { Metrics } from '../telemetry/metrics';
import { type CacheControl, privateResponse } from './cache-control';
import type { GraphqlContext } from './context';
import type { StartOperationSpan } from './tracing-plugin';

export interface PreparedReadsOptions {
  readonly schema: GraphQLSchema;
  readonly accessLog: AccessLog;
  readonly checkOperationLimits: CheckOperationLimits;
  readonly metrics: Metrics;
  readonly cacheControl: CacheControl;
  /** null without tracing. */
  readonly startSpan: StartOperationSpan | null;
  /** True for the text of a response that is larger than the limit. Apollo Server responds to its query. */
  readonly isTooLarge: (text: string) => boolean;
}

/**
 * Runs queries that ran before without parsing and validating them again. If the result has an error, Apollo Server
 * runs the query again, so that errors come from one place.
 */
export class PreparedReads {
  private readonly operations: PreparedOperations;

  constructor(private readonly options: PreparedReadsOptions) {
    this.operations = new PreparedOperations(options.schema);
  }

  /** Registers the queries that Apollo Server ran without errors. */
  readonly plugin: ApolloServerPlugin<GraphqlContext> = {
    requestDidStart: async () => ({
      willSendResponse: async ({ source, request, document, operation, response }) => {
        const { body } = response;
        if (!source || !document || !operation || body.kind !== 'single' || body.singleResult.errors) return;
        this.operations.register(source, request.operationName, document, operation);
      },
    }),
  };

  /** Returns the response to a GraphQL request, or null if Apollo Server has to run it. */
  async respond(body: unknown, createContext: () => Promise<GraphqlContext>): Promise<ReadResponse | null> {
    const request = readRequest(body);
    const prepared = request && this.operations.find(request.query, request.operationName);
    if (!request || !prepared) return null;
    const { accessLog, cacheControl, checkOperationLimits, metrics, startSpan, isTooLarge } = this.options;
    const { variables } = request;

    const startedAtMs = performance.now();
    const name = prepared.operation.name?.value;
    let outcome: 'success' | 'repeated' = 'repeated';
    let endSpan: ReturnType<StartOperationSpan> | undefined;
    try {
      checkOperationLimits({ document: prepared.document, operation: prepared.operation, variables });
      const context = await createContext();
      context.deferredMetrics = [];
      endSpan = startSpan?.(context);
      const data = await prepared.run(context, variables);
      if (data === null) return null;
      const hints = cacheControl.hintsFor(prepared.document, prepared.operation, context);
      const json = JSON.stringify(hints?.extensions ? { data, extensions: hints.extensions } : { data });
      // Before the audit entry, which Apollo Server writes for the same read.
      if (isTooLarge(json)) return null;
      const { actor, traceparent, reads } = context;
      if (reads.fieldsByUser.size > 0) await accessLog.record({ actor, traceparent }, reads.fieldsByUser);
      metrics.preparedReads.inc();
      for (const record of context.deferredMetrics) record();
      metrics.recordGraphqlRequest(name, 'success', (performance.now() - startedAtMs) / 1_000, traceparent);
      outcome = 'success';
      return { json, cacheControl: hints?.header ?? privateResponse };
    } catch {
      return null;
    } finally {
      endSpan?.({ type: 'query', name, outcome });
    }
  }
}

/** The response to a query that ran without errors. */
export interface ReadResponse {
  readonly json: string;
  /** The value of `Cache-Control`. */
  readonly cacheControl: string;
}

interface ReadRequest {
  readonly query: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** The request, or null if it is anything but a plain GraphQL request. */
function readRequest(body: unknown): ReadRequest | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return null;
  const { query, operationName = null, variables, extensions } = body as Record<string, unknown>;
  if (typeof query !== 'string' || extensions != null) return null;
  // Apollo Server refuses an empty name.
  if (operationName !== null && (typeof operationName !== 'string' || operationName === '')) return null;
  if (variables != null && (typeof variables !== 'object' || Array.isArray(variables))) return null;
  return { query, operationName, variables: (variables ?? {}) as Record<string, unknown> };
}
