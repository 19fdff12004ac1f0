import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { type CommerceEvent, toCloudEvent } from '../commerce/commerce-event';
import { type Config, loadConfig } from '../config';
import { userAuthenticated } from '../consumers/authentication.consumer';
import { readMessage } from '../consumers/read-message';
import { newId } from '../postgres/new-id';
import { type Broker, BrokerUnavailableError, type OutgoingMessage } from '../rabbitmq/broker';
import { RabbitMqBroker } from '../rabbitmq/rabbitmq-broker';
import { createServiceLog } from '../service-log';
import { countParser } from './arguments';

interface EmitFlags {
  user: string;
  order?: string;
  payment?: string;
  total: string;
  currency: string;
  items?: number;
  points: number;
  code: string;
  reason?: string;
  at?: string;
  id?: string;
  json?: true;
}

const connectLimitMs = 10_000;

/** Adds `emit`: publishes an event in another service's format, for development. */
export function registerEmitCommand(program: Command): void {
  const emit = program
    .command('emit')
    .description('publish an event in the format of another service, for development');
  const add = (type: string, description: string) =>
    emit
      .command(type)
      .description(description)
      .option('--id <id>', 'event id; a repeated id is deduplicated (default: a new one)')
      .option('--at <time>', 'time of the event (default: now)')
      .option('--json', 'print a JSON document');
  add('OrderPlaced', 'a user placed an order')
    .requiredOption('--user <id>', 'id of the user')
    .option('--order <id>', 'id of the order (default: a new one)')
    .option('--total <amount>', 'total of the order', '10')
    .option('--currency <code>', 'ISO 4217 code of the currency', 'EUR')
    .option('--items <count>', 'number of items', countParser())
    .action((flags: EmitFlags) =>
      send(flags, {
        type: 'OrderPlaced',
        orderId: flags.order ?? newId(),
        userId: flags.user,
        total: { amount: flags.total, currency: flags.currency },
        itemCount: flags.items ?? null,
      }),
    );
  add('OrderCancelled', 'an order was cancelled')
    .requiredOption('--order <id>', 'id of the order')
    .option('--reason <text>', 'reason for the cancellation')
    .action((flags: EmitFlags & { order: string }) =>
      send(flags, { type: 'OrderCancelled', orderId: flags.order, reason: flags.reason ?? null }),
    );
  add('PaymentFailed', 'a payment for an order failed')
    .requiredOption('--order <id>', 'id of the order')
    .option('--payment <id>', 'id of the payment (default: a new one)')
    .option('--code <code>', 'error code of the payment', 'CARD_DECLINED')
    .action((flags: EmitFlags & { order: string }) =>
      send(flags, {
        type: 'PaymentFailed',
        paymentId: flags.payment ?? newId(),
        orderId: flags.order,
        errorCode: flags.code,
        errorMessage: null,
        amount: null,
      }),
    );
  add('LoyaltyPointsEarned', 'a user earned loyalty points')
    .requiredOption('--user <id>', 'id of the user')
    .requiredOption('--points <count>', 'number of points', countParser())
    .option('--order <id>', 'id of the order that earned the points')
    .option('--reason <text>', 'reason for the points')
    .action((flags: EmitFlags) =>
      send(flags, {
        type: 'LoyaltyPointsEarned',
        userId: flags.user,
        points: flags.points,
        orderId: flags.order ?? null,
        reason: flags.reason ?? null,
      }),
    );
  add('UserAuthenticated', 'a user signed in')
    .requiredOption('--user <id>', 'id of the user')
    .action((flags: EmitFlags) => sendSignIn(flags));
}

type WithoutIdentity<T> = T extends unknown ? Omit<T, 'source' | 'eventId' | 'occurredAt'> : never;

/**
 * Publishes the event to the configured broker, or to a development server, and prints its type and id.
 *
 * @throws Error for an event that the service would park, and in production
 */
async function send(flags: EmitFlags, content: WithoutIdentity<CommerceEvent>): Promise<void> {
  const { id = newId() } = flags;
  const event = { ...content, source: '/emit', eventId: id, occurredAt: timeOf(flags) } as CommerceEvent;
  await publish(flags, { messageId: id, type: event.type, ...toCloudEvent(event) });
}

/** As `send`, for a sign-in. */
async function sendSignIn(flags: EmitFlags): Promise<void> {
  const { id = newId(), user: userId } = flags;
  const {
    types: [type],
    exchange,
  } = userAuthenticated;
  const data = { userId, authenticatedAt: timeOf(flags).toISOString() };
  const body = Buffer.from(JSON.stringify({ specversion: '1.0', id, source: '/emit', type, data }));
  const routingKey = 'authentication.user-authenticated';
  await publish(flags, {
    messageId: id,
    type,
    exchange,
    routingKey,
    contentType: 'application/cloudevents+json',
    body,
  });
}

function timeOf({ at }: EmitFlags): Date {
  const time = at === undefined ? new Date() : new Date(at);
  if (Number.isNaN(time.getTime())) throw new Error('--at is not a time');
  return time;
}

/** Checks the message as the consumer would, then publishes it. */
async function publish({ json }: EmitFlags, message: OutgoingMessage): Promise<void> {
  const read = readMessage({ ...message, properties: { ...message, headers: {} } }, 1);
  if ('park' in read) throw new Error(`the event would be parked: ${read.park.reason}, ${read.park.detail}`);
  const config = loadConfig(process.env);
  if (config.production) throw new Error('emit is for development only (NODE_ENV is production)');
  if (config.amqpUrl === null) await sendToServer(config, message);
  else await sendToBroker(config.amqpUrl, message);
  const { type, messageId: id } = message;
  process.stdout.write(`${json ? JSON.stringify({ type, id }) : `${type} ${id}`}\n`);
}

async function sendToBroker(url: string, message: OutgoingMessage): Promise<void> {
  const log = createServiceLog({ level: 'error', destination: process.stderr });
  const broker: Broker = new RabbitMqBroker({ url, prefix: '', log });
  try {
    const endsAt = performance.now() + connectLimitMs;
    while (!(await tryPublish(broker, message, endsAt))) await delay(100);
  } finally {
    await broker.close();
  }
}

/**
 * Returns true when the message is in a queue, or false if the broker is not connected yet.
 *
 * @throws Error when no queue is bound, or when the broker is still not connected after `endsAt`
 */
async function tryPublish(broker: Broker, message: OutgoingMessage, endsAt: number): Promise<boolean> {
  try {
    if ((await broker.publish(message)) === 'routed') return true;
  } catch (error) {
    if (error instanceof BrokerUnavailableError && performance.now() < endsAt) return false;
    throw error;
  }
  throw new Error('no queue is bound for this event: start the service once');
}

/** Sends the event over HTTP to the in-process broker of a development server. */
async function sendToServer({ host, port }: Config, message: OutgoingMessage): Promise<void> {
  // The server refuses a Host header that is not a loopback name, such as 0.0.0.0.
  const name = ['0.0.0.0', '::'].includes(host) ? 'localhost' : host;
  const url = `http://${name.includes(':') ? `[${name}]` : name}:${port}/development/events`;
  const { body, ...rest } = message;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...rest, body: body.toString('utf8') }),
  }).catch((error: unknown) => {
    throw new Error(`no service responds at ${host}:${port}: start it or set AMQP_URL`, { cause: error });
  });
  if (!response.ok) throw new Error(`the service at ${host}:${port} responded with ${response.status}`);
}
