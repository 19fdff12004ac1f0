import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { GraphQLError, type GraphQLSchema, parse } from 'graphql';
import { v7 as uuidv7 } from 'uuid';
import type { PublishOrderEvent } from './order-events';

/** An order as its service stores it. */
export interface Order {
  readonly id: string;
  readonly userId: string;
  readonly total: { readonly amount: string; readonly currency: string };
  readonly placedAt: string;
  status: 'PLACED' | 'CANCELLED';
}

export interface OrdersSubgraphOptions {
  /** The orders, the newest first. */
  readonly orders: Order[];
  readonly publish: PublishOrderEvent;
  /** Called after each change of `orders`. */
  readonly onChange?: () => void;
}

interface NewOrder {
  readonly userId: string;
  readonly amount: string;
  readonly currency: string;
}

const typeDefs = parse(readFileSync(join(__dirname, 'orders.graphql'), 'utf8'));

const badInput = (message: string) => new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });

/** Returns the subgraph of orders, which adds `orders` to `User` and publishes what happens to them. */
export function createOrdersSubgraph({ orders, publish, onChange }: OrdersSubgraphOptions): GraphQLSchema {
  const find = (id: string) => orders.find((order) => order.id === id);
  const resolvers = {
    Mutation: {
      async placeOrder(_: unknown, { userId, amount, currency }: NewOrder) {
        if (!/^\d{1,14}(\.\d{1,4})?$/.test(amount))
          throw badInput('`amount` must be a decimal such as 19.90.');
        if (!/^[A-Z]{3}$/.test(currency)) throw badInput('`currency` must be an ISO 4217 code such as EUR.');
        const placedAt = new Date().toISOString();
        const order: Order = {
          id: uuidv7(),
          userId,
          total: { amount, currency },
          placedAt,
          status: 'PLACED',
        };
        const total = { value: amount, currency };
        await publish({
          type: 'OrderPlaced',
          time: placedAt,
          data: { orderId: order.id, userId, total, placedAt },
        });
        orders.unshift(order);
        onChange?.();
        return order;
      },
      async cancelOrder(_: unknown, { id }: { id: string }) {
        const order = find(id);
        if (!order) throw badInput('There is no order with this id.');
        if (order.status === 'CANCELLED') return order;
        const cancelledAt = new Date().toISOString();
        await publish({ type: 'OrderCancelled', time: cancelledAt, data: { orderId: id, cancelledAt } });
        order.status = 'CANCELLED';
        onChange?.();
        return order;
      },
    },
    Order: { __resolveReference: ({ id }: { id: string }) => find(id) ?? null },
    User: {
      __resolveReference: ({ id }: { id: string }) => ({ id }),
      orders: ({ id }: { id: string }) => orders.filter(({ userId }) => userId === id),
    },
  };
  return buildSubgraphSchema([{ typeDefs, resolvers }]);
}
