import type { ApolloServerPlugin } from '@apollo/server';
import type { AccessLog } from '../../audit/access-log';
import { serviceUnavailable } from '../../subgraph/errors';
import type { GraphqlContext } from '../context';

export interface AuditPluginOptions {
  accessLog: AccessLog;
  /** True for errors that mean PostgreSQL could not be asked. */
  isUnavailable: (error: unknown) => boolean;
}

/** Holds every answer back until what was read for it is in the audit log; what cannot be audited is not answered. */
export function auditPlugin({
  accessLog,
  isUnavailable,
}: AuditPluginOptions): ApolloServerPlugin<GraphqlContext> {
  return {
    async requestDidStart() {
      return {
        async executionDidStart({ contextValue, response }) {
          return {
            async executionDidEnd() {
              const { reads, actor, traceparent, log } = contextValue;
              if (reads.fieldsByUser.size === 0) return;
              try {
                await accessLog.record({ actor, traceparent }, reads.fieldsByUser);
              } catch (error) {
                log[isUnavailable(error) ? 'warn' : 'error']({ err: error }, 'A read could not be audited');
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
