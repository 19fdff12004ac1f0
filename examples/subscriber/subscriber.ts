import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { type Customer, Customers } from './customers';
import { subscribe, type UserEvent } from './user-events';

const { env } = process;
const graph = {
  url: env['GRAPH_URL'] ?? 'http://127.0.0.1:4001/graphql',
  token: env['GRAPH_TOKEN'] ?? '',
};
const retryMs = 1_000;

/** Returns the change that an event describes, or null if the event has no values and the graph must be read. */
function changeOf({ type, data }: UserEvent): Partial<Customer> | null {
  switch (type) {
    case 'UserCreated':
      return { ...data, status: 'ACTIVE' } as Partial<Customer>;
    case 'UserDeactivated':
      return { status: 'DEACTIVATED' };
    case 'UserReactivated':
      return { status: 'ACTIVE' };
    case 'UserEmailVerified':
      return data['emailChanged'] === true ? null : {};
    case 'UserUpdated': {
      const stored = ['email', 'firstName', 'lastName'];
      return (data['changedFields'] as string[]).some((field) => stored.includes(field)) ? null : {};
    }
    case 'UserEmailPreferencesUpdated':
    case 'UserPhoneVerified':
      return {};
    default:
      // A type that this program does not know yet may change anything.
      return null;
  }
}

type GraphUser = Customer & { readonly version: number };

/** Returns the user as the User Service has it, or null if it is erased. */
async function readUser(id: string): Promise<GraphUser | null> {
  const response = await fetch(graph.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${graph.token}` },
    body: JSON.stringify({
      query: 'query ($id: ID!) { user(id: $id) { version email firstName lastName status } }',
      variables: { id },
    }),
  });
  const { data, errors } = (await response.json()) as { data?: { user: GraphUser | null }; errors?: unknown };
  if (!data || errors) throw new Error(`the User Service responded with ${JSON.stringify(errors)}`);
  return data.user;
}

/** Replaces what is stored by what the graph has, which is at least as new as the event. Retries until it is there. */
async function heal(customers: Customers, { userId, sequence }: UserEvent): Promise<void> {
  for (;;) {
    try {
      const user = await readUser(userId);
      // The user was erased after this event. UserErased follows.
      if (!user) return;
      if (user.version >= sequence) return await customers.store(userId, user.version, user);
    } catch (error) {
      process.stderr.write(`the graph cannot be read: ${String(error)}\n`);
    }
    await delay(retryMs);
  }
}

/** Brings the table up to date with an event. Events that are stored already change nothing. */
async function apply(customers: Customers, event: UserEvent): Promise<void> {
  const { type, userId, sequence } = event;
  if (type === 'UserErased') return customers.erase(userId);
  const version = await customers.versionOf(userId);
  if (sequence <= version) return;
  const isNext = sequence === version + 1;
  if (!isNext) process.stdout.write(`${userId}: ${sequence} follows ${version}, so an event is missing\n`);
  const change = isNext ? changeOf(event) : null;
  if (change) await customers.store(userId, sequence, change);
  else await heal(customers, event);
}

async function main(): Promise<void> {
  const database = new Client({ connectionString: env['DATABASE_URL'] });
  // The supervisor of the process starts it again; unacknowledged events are delivered again then.
  const fail = (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  };
  database.on('error', fail);
  await database.connect();
  const customers = new Customers(database);
  await customers.createTables();
  await subscribe({
    amqpUrl: env['AMQP_URL'] ?? 'amqp://127.0.0.1',
    exchange: env['USER_EVENTS_EXCHANGE'] ?? 'user.events',
    queue: env['QUEUE'] ?? 'customers.users',
    onEvent: (event) => apply(customers, event),
    onFailure: fail,
  });
  process.stdout.write('subscribed\n');
}

void main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
