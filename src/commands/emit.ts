import { setTimeout as delay } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { v7 as uuidv7 } from 'uuid';
import { type CommerceEvent, toCloudEvent } from '../commerce/commerce-event';
import { type Config, loadConfig } from '../config';
import { readMessage } from '../consumers/read-message';
import { type Broker, BrokerUnavailableError, type OutgoingMessage } from '../rabbitmq/broker';
import { RabbitMqBroker } from '../rabbitmq/rabbitmq-broker';
import { createServiceLog } from '../service-log';

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
}

const connectWithinMs = 10_000;

/** Adds `emit`: an event as another service would send it, to try out what becomes of it. */
export function registerEmitCommand(program: Command): void {
  const emit = program
    .command('emit')
    .description('send an event as another service would, to try things out');
  const add = (type: CommerceEvent['type'], description: string) =>
    emit
      .command(type)
      .description(description)
      .option('--id <id>', 'the id of the event; the same id twice is the same event (default: a new one)')
      .option('--at <time>', 'when it happened (default: now)');
  add('OrderPlaced', 'somebody placed an order')
    .requiredOption('--user <id>', 'who placed it')
    .option('--order <id>', 'the id of the order (default: a new one)')
    .option('--total <amount>', 'what it costs', '10')
    .option('--currency <code>', 'an ISO 4217 code', 'EUR')
    .option('--items <count>', 'how many items it has', parseCount)
    .action((flags: EmitFlags) =>
      send(flags, {
        type: 'OrderPlaced',
        orderId: flags.order ?? uuidv7(),
        userId: flags.user,
        total: { amount: flags.total, currency: flags.currency },
        itemCount: flags.items ?? null,
      }),
    );
  add('PaymentFailed', 'a payment for an order failed')
    .requiredOption('--order <id>', 'which order was to be paid')
    .option('--payment <id>', 'the id of the payment (default: a new one)')
    .option('--code <code>', 'why it failed', 'CARD_DECLINED')
    .action((flags: EmitFlags & { order: string }) =>
      send(flags, {
        type: 'PaymentFailed',
        paymentId: flags.payment ?? uuidv7(),
        orderId: flags.order,
        errorCode: flags.code,
        errorMessage: null,
        amount: null,
      }),
    );
  add('LoyaltyPointsEarned', 'somebody earned points')
    .requiredOption('--user <id>', 'who earned them')
    .requiredOption('--points <count>', 'how many', parseCount)
    .option('--order <id>', 'the order that earned them')
    .option('--reason <text>', 'what they were given for')
    .action((flags: EmitFlags) =>
      send(flags, {
        type: 'LoyaltyPointsEarned',
        userId: flags.user,
        points: flags.points,
        orderId: flags.order ?? null,
        reason: flags.reason ?? null,
      }),
    );
}

type WithoutIdentity<T> = T extends unknown ? Omit<T, 'source' | 'eventId' | 'occurredAt'> : never;

async function send(flags: EmitFlags, said: WithoutIdentity<CommerceEvent>): Promise<void> {
  const { id = uuidv7(), at } = flags;
  const occurredAt = at === undefined ? new Date() : new Date(at);
  if (Number.isNaN(occurredAt.getTime())) throw new Error('--at is no time');
  const event = { ...said, source: '/user-service/emit', eventId: id, occurredAt } as CommerceEvent;
  const message = { messageId: id, type: event.type, ...toCloudEvent(event) };
  const read = readMessage({ ...message, properties: { ...message, headers: {} } }, 1);
  if ('park' in read) throw new Error(`it would be parked: ${read.park.reason}, ${read.park.detail}`);
  const config = loadConfig(process.env);
  if (config.production) throw new Error('events are made up in development only (NODE_ENV is production)');
  if (config.amqpUrl === null) await sendToServer(config, message);
  else await sendToBroker(config.amqpUrl, message);
  process.stdout.write(`${event.type} ${id}\n`);
}

async function sendToBroker(url: string, message: OutgoingMessage): Promise<void> {
  const log = createServiceLog({ level: 'error', destination: process.stderr });
  const broker: Broker = new RabbitMqBroker({ url, prefix: '', log });
  try {
    const deadlineMs = performance.now() + connectWithinMs;
    while (!(await tryPublish(broker, message, deadlineMs))) await delay(100);
  } finally {
    await broker.close();
  }
}

/** False while the broker is not connected yet. */
async function tryPublish(broker: Broker, message: OutgoingMessage, deadlineMs: number): Promise<boolean> {
  try {
    if ((await broker.publish(message)) === 'routed') return true;
  } catch (error) {
    if (error instanceof BrokerUnavailableError && performance.now() < deadlineMs) return false;
    throw error;
  }
  throw new Error('no queue is bound for it yet: start the service once');
}

/** The broker inside the development server is reached through its HTTP door. */
async function sendToServer({ host, port }: Config, message: OutgoingMessage): Promise<void> {
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/development/events`;
  const { body, ...rest } = message;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...rest, body: body.toString('utf8') }),
  }).catch((error: unknown) => {
    throw new Error(`there is no service at ${host}:${port}: start it, or set AMQP_URL`, { cause: error });
  });
  if (!answer.ok) throw new Error(`the service at ${host}:${port} answered ${answer.status}`);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError('Say a whole number, 1 or more.');
  return count;
}
