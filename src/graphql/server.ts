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
import { createErrorMask } from '../subgraph/error-mask';
import { type Limits, limitOptions } from '../subgraph/limits';
import type { Metrics } from '../telemetry/metrics';
import type { Tracing } from '../telemetry/tracing';
import { auditPlugin } from './access/audit-plugin';
import type { GraphqlContext } from './context';
import { metricsPlugin } from './metrics-plugin';
import { tracingPlugin } from './tracing-plugin';

export interface GraphqlServerOptions {
  schema: GraphQLSchema;
  limits: Limits;
  metrics: Metrics;
  accessLog: AccessLog;
  log: Logger;
  /** Makes a span for each operation; none without it. */
  tracing: Tracing | null;
  /** True for errors that mean PostgreSQL could not be asked. */
  isUnavailable: (error: unknown) => boolean;
}

/** Apollo Server over the schema: limits before, masked errors after, nothing on that is not needed. Not started. */
export function createGraphqlServer({
  schema,
  limits,
  metrics,
  accessLog,
  log,
  tracing,
  isUnavailable,
}: GraphqlServerOptions): ApolloServer<GraphqlContext> {
  const mask = createErrorMask<GraphqlContext>({
    logger: log,
    requestId: (context) => context.requestId,
    isUnavailable,
  });
  const { parseOptions, validationRules, plugins } = limitOptions(limits);
  return new ApolloServer<GraphqlContext>({
    schema,
    parseOptions,
    validationRules,
    formatError: mask.formatError,
    introspection: true,
    // They would rest in memory with the personal data that their literals may hold.
    persistedQueries: false,
    includeStacktraceInErrorResponses: false,
    // One shutdown sequence, the process's own.
    stopOnTerminationSignals: false,
    logger: log,
    plugins: [
      // The cache control plugin wraps every field, and nothing here is cached by HTTP.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      // Traces for a router that asks for them (ftv1); errors in them are masked by default.
      ApolloServerPluginInlineTrace(),
      ...plugins,
      mask.plugin,
      auditPlugin({ accessLog, isUnavailable }),
      metricsPlugin(metrics),
      ...(tracing ? [tracingPlugin(tracing)] : []),
    ],
  });
}
