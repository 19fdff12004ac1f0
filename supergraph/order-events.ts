import { connect } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';

/** An event of the orders service. */
export interface OrderEvent {
  readonly type: 'OrderPlaced' | 'OrderCancelled';
  /** When it happened. */
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Resolves when the broker has accepted the event. */
export type PublishOrderEvent = (event: OrderEvent) => Promise<void>;

const exchange = 'order.events';
const contentType = 'application/cloudevents+json';
const routingKeys = { OrderPlaced: 'order.placed', OrderCancelled: 'order.cancelled' } as const;

/** Returns the message for an event: a structured CloudEvent with an id of its own. */
function toMessage({ type, time, data }: OrderEvent) {
  const id = uuidv7();
  const envelope = {
    specversion: '1.0',
    id,
    source: '/orders',
    type,
    time,
    datacontenttype: 'application/json',
  };
  return { routingKey: routingKeys[type], messageId: id, type, body: JSON.stringify({ ...envelope, data }) };
}

/** Publishes to RabbitMQ. */
export async function publishToRabbitMq(
  url: string,
): Promise<{ publish: PublishOrderEvent; close(): Promise<void> }> {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  return {
    async publish(event) {
      const { routingKey, body, ...properties } = toMessage(event);
      channel.publish(exchange, routingKey, Buffer.from(body), {
        ...properties,
        contentType,
        persistent: true,
      });
      await channel.waitForConfirms();
    },
    close: () => connection.close(),
  };
}

/** Publishes to the in-process broker of a User Service that runs without RabbitMQ, by its route for development. */
export function publishToService(serviceUrl: string): PublishOrderEvent {
  return async (event) => {
    const response = await fetch(new URL('/development/events', serviceUrl), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ exchange, contentType, ...toMessage(event) }),
    });
    if (!response.ok) throw new Error(`the User Service refused the event with ${response.status}`);
  };
}
