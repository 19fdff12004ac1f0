import type { Channel, ChannelModel } from 'amqplib';
import type { Logger } from 'pino';
import type { DeclaredQueue, Topology } from './topology';

const accessRefused = 403;
const preconditionFailed = 406;

/** A queue exists with arguments other than the declared ones: a person must move or delete it. */
export class QueueConflictError extends Error {
  override name = 'QueueConflictError';
  constructor(
    readonly queue: string,
    options?: ErrorOptions,
  ) {
    super(`The queue ${queue} exists with other arguments.`, options);
  }
}

/** Declares every exchange. One that exists with other properties, or may not be declared, is used as it is. */
export async function declareExchanges(
  connection: ChannelModel,
  { exchanges }: Topology,
  log: Logger,
): Promise<void> {
  let channel = await openChannel(connection);
  for (const exchange of exchanges) {
    try {
      await channel.assertExchange(exchange, 'topic', { durable: true });
    } catch (error) {
      const { code } = error as { code?: number };
      if (code !== accessRefused && code !== preconditionFailed) throw error;
      log.warn({ exchange, replyCode: code }, 'an exchange could not be declared and is used as it is');
      channel = await openChannel(connection);
    }
  }
  await channel.close();
}

/**
 * Declares and binds the queues of the consumers, or of the publisher. Some queues are used as they are if they exist
 * with other arguments.
 *
 * @throws QueueConflictError
 */
export async function declareQueues(
  connection: ChannelModel,
  topology: Topology,
  declaredBy: DeclaredQueue['declaredBy'],
  log: Logger,
): Promise<void> {
  const queues = topology.queues.filter((queue) => queue.declaredBy === declaredBy);
  let channel = await openChannel(connection);
  for (const { name, arguments: args, mayDiffer } of queues) {
    try {
      await channel.assertQueue(name, { durable: true, arguments: args });
    } catch (error) {
      const isConflict = (error as { code?: number }).code === preconditionFailed;
      if (!isConflict) throw error;
      if (!mayDiffer) throw new QueueConflictError(name, { cause: error });
      log.warn({ queue: name }, 'a queue exists with other arguments and is used as it is');
      channel = await openChannel(connection);
    }
  }
  for (const { queue, exchange, routingKey } of topology.bindings)
    if (queues.some(({ name }) => name === queue)) await channel.bindQueue(queue, exchange, routingKey);
  await channel.close();
}

async function openChannel(connection: ChannelModel): Promise<Channel> {
  const channel = await connection.createChannel();
  // Before any other call, because an error event without a listener ends the process. The call also rejects.
  channel.on('error', () => undefined);
  return channel;
}
