import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { ApolloServerPluginInlineTrace } from '@apollo/server/plugin/inlineTrace';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { AccessLog } from '../audit/access-log';
import { createDocumentStore } from '../subgraph/document-store';
import { createErrorMask } from '../subgraph/error-mask';
import { createOperationLimitsCheck, type Limits, limitOptions } from '../subgraph/limits';
import { subscriptionsPlugin } from '../subgraph/subscriptions-plugin';
import type { Metrics } from '../telemetry/metrics';
import type { Tracing } from '../telemetry/tracing';
import { auditPlugin } from './access/audit-plugin';
import { CacheControl, type CacheControlOptions } from './cache-control';
import type { GraphqlContext } from './context';
import { metricsPlugin } from './metrics-plugin';
import { PreparedReads } from './prepared-reads';
import { operationSpans, tracingPlugin } from './tracing-plugin';

export interface GraphqlServerOptions {
  schema: GraphQLSchema;
  limits: Limits;
  metrics: Metrics;
  accessLog: AccessLog;
  log: Logger;
  /** Creates a span for each operation. Null: no spans. */
  tracing: Tracing | null;
  /** Whether messages about invalid operations suggest names of the schema. */
  suggestNames: boolean;
  cacheControl: CacheControlOptions;
  /** True for the text of a response that is larger than the limit. */
  isTooLarge: (text: string) => boolean;
  /** True for errors that mean PostgreSQL is unavailable. */
  isUnavailable: (error: unknown) => boolean;
}

export interface GraphqlServer {
  /** Runs any operation. Not started yet. */
  readonly apollo: ApolloServer<GraphqlContext>;
  /** Runs the queries that `apollo` ran before. */
  readonly preparedReads: PreparedReads;
}

/**
 * Creates an Apollo Server with limits, error masking, read auditing and telemetry, and the path for prepared queries
 * next to it.
 */
export function createGraphqlServer({
  schema,
  limits,
  metrics,
  accessLog,
  log,
  tracing,
  suggestNames,
  cacheControl: cacheControlOptions,
  isTooLarge,
  isUnavailable,
}: GraphqlServerOptions): GraphqlServer {
  const mask = createErrorMask<GraphqlContext>({
    logger: log,
    requestId: (context) => context.requestId,
    traceId: ({ traceparent }) => traceparent?.split('-')[1],
    omittedErrors: ({ errors }) => errors.omitted,
    isAbandoned: ({ deadline }) => deadline.aborted,
    isUnavailable,
  });
  const checkOperationLimits = createOperationLimitsCheck(schema, limits, ['exportUserData']);
  const { parseOptions, validationRules, plugins } = limitOptions(limits, checkOperationLimits);
  const startSpan = tracing && operationSpans(tracing);
  const cacheControl = new CacheControl(cacheControlOptions);
  const preparedReads = new PreparedReads({
    schema,
    accessLog,
    checkOperationLimits,
    cacheControl,
    metrics,
    startSpan,
    isTooLarge,
  });
  const apollo = new ApolloServer<GraphqlContext>({
    schema,
    parseOptions,
    validationRules,
    formatError: (formatted, error) => {
      const masked = mask.formatError(formatted, error);
      metrics.recordRefusal(masked.extensions);
      return masked;
    },
    introspection: true,
    hideSchemaDetailsFromClientErrors: !suggestNames,
    // Stored queries would keep personal data in their literals in memory.
    persistedQueries: false,
    documentStore: createDocumentStore(),
    includeStacktraceInErrorResponses: false,
    // The process has its own shutdown sequence.
    stopOnTerminationSignals: false,
    logger: log,
    plugins: [
      // It wraps every field; CacheControl decides by the operation.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      // Responds to routers that request traces (ftv1). The plugin masks errors in traces by default.
      ApolloServerPluginInlineTrace(),
      subscriptionsPlugin,
      ...plugins,
      mask.plugin,
      auditPlugin({ accessLog, isUnavailable, log }),
      cacheControl.plugin,
      metricsPlugin(metrics),
      ...(startSpan ? [tracingPlugin(startSpan)] : []),
      preparedReads.plugin,
    ],
  });
  return { apollo, preparedReads };
}
