import 'reflect-metadata';
import { demoOrders, demoReviews } from './demo-data';
import { publishToRabbitMq } from './order-events';
import { createOrdersSubgraph } from './orders';
import { createReviewsSubgraph } from './reviews';
import { startSubgraphServer } from './subgraph-server';

/** Starts the subgraph `reviews` or `orders` alone, on HOST and PORT. `orders` publishes to AMQP_URL. */
async function startNeighbour(name: string | undefined, env: NodeJS.ProcessEnv): Promise<void> {
  if (name !== 'reviews' && name !== 'orders') throw new Error('name a subgraph: reviews or orders');
  const rabbitMq = name === 'orders' ? await publishToRabbitMq(env.AMQP_URL ?? '') : null;
  const schema = rabbitMq
    ? createOrdersSubgraph({ orders: demoOrders(), publish: rabbitMq.publish })
    : createReviewsSubgraph(demoReviews);
  const server = await startSubgraphServer(schema, {
    host: env.HOST || '127.0.0.1',
    port: Number(env.PORT || 0),
  });
  process.stdout.write(`${server.url}\n`);
  // `on`, not `once`: Apollo Server sends the signal again when it has stopped.
  await new Promise((resolve) => process.on('SIGTERM', resolve));
  await server.stop();
  await rabbitMq?.close();
}

startNeighbour(process.argv[2], process.env).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`error: ${(error as Error).message}\n`);
    process.exit(1);
  },
);
