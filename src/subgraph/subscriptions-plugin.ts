import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import { GraphQLError } from 'graphql';

/** Rejects subscriptions with HTTP 400, like all invalid operations. Apollo Server would send 200 with this message. */
export const subscriptionsPlugin: ApolloServerPlugin<BaseContext> = {
  async requestDidStart() {
    return {
      async didResolveOperation({ operation }) {
        if (operation?.operation !== 'subscription') return;
        throw new GraphQLError('Schema is not configured to execute subscription operation.', {
          extensions: { http: { status: 400 } },
        });
      },
    };
  },
};
