import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { orderPlaced, pointsEarned } from '../test/testkit/commerce-events';
import { type Stage, withChannel } from './stage';

const workers = 6;

/** Keeps changing users over HTTP, wherever the service is at the moment, and remembers what was acknowledged. */
export class MutationLoad {
  url: string | null = null;
  /** The version that each user had in an answer, at least. */
  readonly acknowledged = new Map<string, number>();
  count = 0;
  private running = true;
  private readonly working: Promise<unknown>;

  constructor(private readonly token: string) {
    this.working = Promise.all(Array.from({ length: workers }, () => this.work()));
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.working;
  }

  private async work(): Promise<void> {
    while (this.running) {
      const { url } = this;
      const known = [...this.acknowledged.keys()];
      const userId = known[Math.floor(Math.random() * known.length * 1.5)];
      const answered = url !== null && (await this.mutate(url, userId).catch(() => false));
      if (answered) this.count += 1;
      else await delay(20);
    }
  }

  /** Changes a user, or makes one; answers whether it was acknowledged. */
  private async mutate(url: string, userId: string | undefined): Promise<boolean> {
    const unique = randomBytes(8).toString('hex');
    const [name, input] = userId
      ? ['updateUser', { userId, displayName: unique }]
      : ['createUser', { email: `ada.${unique}@example.com`, firstName: 'Ada', lastName: 'Lovelace' }];
    const type = name.charAt(0).toUpperCase() + name.slice(1);
    const query = `mutation ($input: ${type}Input!) { ${name}(input: $input) {
      ... on ${type}Success { user { id version } } } }`;
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.token}` },
      body: JSON.stringify({ query, variables: { input } }),
      signal: AbortSignal.timeout(5_000),
    });
    const { data } = (await response.json()) as {
      data?: Record<string, { user?: { id: string; version: number } }>;
    };
    const user = data?.[name]?.user;
    if (!user) return false;
    this.acknowledged.set(user.id, Math.max(user.version, this.acknowledged.get(user.id) ?? 0));
    return true;
  }
}

/** Publishes orders and points of these users, some of them twice; answers the identities, one for each event. */
export async function publishForeignEvents(
  { amqpUrl, prefix }: Stage,
  userIds: readonly string[],
  count: number,
): Promise<string[]> {
  const messages = Array.from({ length: count }, (_, at) => {
    const userId = userIds[at % userIds.length] as string;
    return at % 2 === 0 ? orderPlaced(userId, { orderId: randomUUID() }) : pointsEarned(userId);
  });
  await withChannel(amqpUrl, async (channel) => {
    for (const [at, { exchange, routingKey, body, properties }] of messages.entries())
      for (let copy = 0; copy < (at % 10 === 0 ? 2 : 1); copy += 1)
        channel.publish(`${prefix}${exchange}`, routingKey, body, { ...properties, persistent: true });
    await channel.waitForConfirms();
  });
  return messages.map(({ properties }) => String(properties.messageId));
}
