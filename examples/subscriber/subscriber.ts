import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'amqplib';
import { Client } from 'pg';
import { type Customer, Customers } from './customers';

/** An event about a user. `sequence` is the user's version after it: each has one event, so a gap means a loss. */
interface UserEvent {
  readonly type: string;
  readonly subject: string;
  readonly sequence?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const { env } = process;
const queue = env['QUEUE'] ?? 'customers.users';
const exchange = env['USER_EVENTS_EXCHANGE'] ?? 'user.events';
const retryMs = 1_000;

/** Returns what an event changes, or null if it has no values: the graph must be read then. */
function changeOf({ type, data }: UserEvent): Partial<Customer> | null {
  if (type === 'UserCreated') return { ...(data as unknown as Customer), status: 'ACTIVE' };
  if (type === 'UserDeactivated') return { status: 'DEACTIVATED' };
  if (type === 'UserReactivated') return { status: 'ACTIVE' };
  if (type === 'UserEmailPreferencesUpdated') return {};
  if (type === 'UserEmailVerified') return data['emailChanged'] === true ? null : {};
  // UserUpdated has names of fields. A type that this program does not know may change anything.
  const changed = (data['changedFields'] as string[] | undefined) ?? ['email'];
  return changed.some((field) => ['email', 'firstName', 'lastName'].includes(field)) ? null : {};
}

/** Returns the user as the User Service has it, or null if it is erased. */
async function readUser(id: string): Promise<(Customer & { version: number }) | null> {
  const response = await fetch(env['GRAPH_URL'] ?? 'http://127.0.0.1:4001/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${env['GRAPH_TOKEN'] ?? ''}` },
    body: JSON.stringify({
      query: 'query ($id: ID!) { user(id: $id) { version email firstName lastName status } }',
      variables: { id },
    }),
  });
  const { data, errors } = (await response.json()) as { data?: { user: never }; errors?: unknown };
  if (!data || errors) throw new Error(`the User Service responded with ${JSON.stringify(errors)}`);
  return data.user;
}

/** Stores what the graph has, once it is as new as the event. Retries until then. */
async function heal(customers: Customers, id: string, version: number): Promise<void> {
  for (;;) {
    try {
      const user = await readUser(id);
      // The user was erased after this event. UserErased follows.
      if (!user) return;
      if (user.version >= version) return await customers.store(id, user.version, user);
    } catch (error) {
      process.stderr.write(`the graph cannot be read: ${String(error)}\n`);
    }
    await delay(retryMs);
  }
}

/** Brings the table up to date with an event. A repeated event changes nothing. */
async function apply(customers: Customers, event: UserEvent): Promise<void> {
  const { type, subject: id, sequence } = event;
  if (type === 'UserErased') return customers.erase(id);
  // A request, such as one to send a confirmation, is not a change.
  if (sequence === undefined) return;
  const version = Number(sequence);
  const stored = await customers.versionOf(id);
  if (version <= stored) return;
  const isNext = version === stored + 1;
  if (!isNext) process.stdout.write(`${id}: ${version} follows ${stored}, so an event is missing\n`);
  const change = isNext ? changeOf(event) : null;
  await (change ? customers.store(id, version, change) : heal(customers, id, version));
}

/** Ends the process. Its supervisor starts it again, and RabbitMQ delivers again what was not acknowledged. */
function fail(error: unknown): void {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const database = new Client({ connectionString: env['DATABASE_URL'] });
  database.on('error', fail);
  await database.connect();
  const customers = new Customers(database);
  await customers.createTables();

  const connection = await connect(env['AMQP_URL'] ?? 'amqp://127.0.0.1');
  connection.on('error', fail).on('close', () => fail('the connection to RabbitMQ was closed'));
  const channel = await connection.createChannel();
  await channel.assertExchange(exchange, 'topic', { durable: true });
  // One consumer at a time, also with several processes: two would apply a user's events out of order.
  const quorum = { 'x-queue-type': 'quorum', 'x-single-active-consumer': true };
  await channel.assertQueue(queue, { durable: true, arguments: quorum });
  await channel.bindQueue(queue, exchange, 'user.#');
  await channel.prefetch(50);
  let previous = Promise.resolve();
  await channel.consume(queue, (message) => {
    if (!message) return fail(`the queue ${queue} was deleted`);
    const event = JSON.parse(message.content.toString('utf8')) as UserEvent;
    previous = previous.then(() => apply(customers, event)).then(() => channel.ack(message));
    previous.catch(fail);
  });
  process.stdout.write('subscribed\n');
}

main().catch(fail);
