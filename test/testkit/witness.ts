import { type ChannelModel, connect } from 'amqplib';
import { topologyOf } from '../../src/rabbitmq/topology';

/** A received CloudEvent with its AMQP properties. */
export interface WitnessedEvent {
  routingKey: string;
  messageId: string;
  contentType: string;
  persistent: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: tests assert its shape
  event: any;
}

/** A stand-in for another service: collects everything published to an exchange, by a queue of its own. */
export interface Witness {
  readonly events: WitnessedEvent[];
  /** The events about one user, in order of arrival. */
  of(userId: string): WitnessedEvent[];
  close(): Promise<void>;
}

/** Binds a queue to all routing keys of `exchange` and starts collecting. */
export async function startWitness(exchange: string): Promise<Witness> {
  const connection: ChannelModel = await connect(process.env['TEST_AMQP_URL'] ?? '');
  connection.on('error', () => undefined);
  const channel = await connection.createChannel();
  await channel.assertExchange(exchange, 'topic', { durable: true });
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, exchange, '#');
  const events: WitnessedEvent[] = [];
  await channel.consume(
    queue,
    (message) => {
      if (!message) return;
      events.push({
        routingKey: message.fields.routingKey,
        messageId: String(message.properties.messageId),
        contentType: String(message.properties.contentType),
        persistent: message.properties.deliveryMode === 2,
        event: JSON.parse(message.content.toString()),
      });
    },
    { noAck: true },
  );
  return {
    events,
    of: (userId) => events.filter(({ event }) => event.subject === userId || isAccessTo(userId, event.data)),
    close: () => connection.close(),
  };
}

function isAccessTo(userId: string, { accesses = [] }: { accesses?: { userIds: string[] }[] }): boolean {
  return accesses.some(({ userIds }) => userIds.includes(userId));
}

/** Deletes the exchanges and queues that a service declared under a prefix. */
export async function removeTopology(prefix: string): Promise<void> {
  const connection = await connect(process.env['TEST_AMQP_URL'] ?? '');
  try {
    const channel = await connection.createChannel();
    const { exchanges, queues } = topologyOf(prefix);
    for (const { name } of queues) await channel.deleteQueue(name);
    for (const exchange of exchanges) await channel.deleteExchange(exchange);
  } finally {
    await connection.close();
  }
}
