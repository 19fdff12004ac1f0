import { connect } from 'amqplib';

/** An event about a change of a user. */
export interface UserEvent {
  readonly type: string;
  readonly userId: string;
  /** The version of the user after the change. Each version has exactly one event, so a gap means a loss. */
  readonly sequence: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface UserEventsOptions {
  readonly amqpUrl: string;
  readonly exchange: string;
  readonly queue: string;
  /** Called with one event at a time. An event is acknowledged when the promise resolves. */
  readonly onEvent: (event: UserEvent) => Promise<void>;
  /** Called when the connection is lost or an event failed. What was not acknowledged is delivered again. */
  readonly onFailure: (error: unknown) => void;
}

/** Subscribes to the events of all users by a durable queue of its own. Resolves when it receives them. */
export async function subscribe({
  amqpUrl,
  exchange,
  queue,
  onEvent,
  onFailure,
}: UserEventsOptions): Promise<void> {
  const connection = await connect(amqpUrl);
  connection.on('error', onFailure);
  connection.on('close', () => onFailure(new Error('the connection to RabbitMQ was closed')));
  const channel = await connection.createChannel();
  await channel.assertExchange(exchange, 'topic', { durable: true });
  // One consumer at a time, also with several processes: two would process a user's events out of order.
  const arguments_ = { 'x-queue-type': 'quorum', 'x-single-active-consumer': true };
  await channel.assertQueue(queue, { durable: true, arguments: arguments_ });
  await channel.bindQueue(queue, exchange, 'user.#');
  await channel.prefetch(50);
  let previous = Promise.resolve();
  await channel.consume(queue, (message) => {
    if (!message) return onFailure(new Error(`the queue ${queue} was deleted`));
    previous = previous
      .then(async () => {
        const event = readEvent(message.content);
        if (event) await onEvent(event);
        channel.ack(message);
      })
      .catch(onFailure);
  });
}

/** Returns null for requests, such as one to send a confirmation: they are not changes and have no `sequence`. */
function readEvent(content: Buffer): UserEvent | null {
  const { type, subject, sequence, data } = JSON.parse(content.toString('utf8')) as Record<string, unknown>;
  if (typeof sequence !== 'string') return null;
  return {
    type: String(type),
    userId: String(subject),
    sequence: Number(sequence),
    data: data as UserEvent['data'],
  };
}
