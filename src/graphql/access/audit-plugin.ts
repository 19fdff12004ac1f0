import type { ApolloServerPlugin } from '@apollo/server';
import type { Logger } from 'pino';
import type { AccessLog } from '../../audit/access-log';
import { serviceUnavailable } from '../../subgraph/errors';
import type { GraphqlContext } from '../context';

export interface AuditPluginOptions {
  accessLog: AccessLog;
  /** True for errors that mean PostgreSQL is unavailable. */
  isUnavailable: (error: unknown) => boolean;
  log: Logger;
}

/**
 * Writes the reads of an operation to the audit log before its response is sent. If that fails, the response has no
 * data.
 */
export function auditPlugin({
  accessLog,
  isUnavailable,
  log,
}: AuditPluginOptions): ApolloServerPlugin<GraphqlContext> {
  return {
    async requestDidStart() {
      return {
        async executionDidStart({ contextValue, response }) {
          return {
            async executionDidEnd() {
              const { reads, actor, traceparent, requestId } = contextValue;
              if (reads.fieldsByUser.size === 0) return;
              try {
                await accessLog.record({ actor, traceparent }, reads.fieldsByUser);
              } catch (error) {
                const traceId = traceparent?.split('-')[1];
                const line = { requestId, ...(traceId && { trace_id: traceId }), err: error };
                log[isUnavailable(error) ? 'warn' : 'error'](line, 'auditing a read failed');
                const { message, extensions } = serviceUnavailable();
                const errors = [{ message, extensions: { code: extensions.code } }];
                response.body = { kind: 'single', singleResult: { data: null, errors } };
              }
            },
          };
        },
      };
    },
  };
}
