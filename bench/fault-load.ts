import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { within } from '../src/scheduling/within';
import { type ForeignMessage, orderPlaced, pointsEarned } from '../test/testkit/commerce-events';
import { type ConfirmChannel, type Stage, withChannel } from './stage';

const workers = 6;
/** Pause of a worker between two calls; leaves CPU for the service. */
const pauseMs = 50;
const publishLimitMs = 10_000;

/** Creates and updates users over HTTP at the current `url` and records the acknowledged versions. */
export class MutationLoad {
  url: string | null = null;
  /** The highest acknowledged version by user id. */
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
      const acknowledged = url !== null && (await this.mutate(url, userId).catch(() => false));
      if (acknowledged) this.count += 1;
      await delay(pauseMs);
    }
  }

  /** Updates a user, or creates one without an id; returns whether it was acknowledged. */
  private async mutate(url: string, userId: string | undefined): Promise<boolean> {
    const unique = randomBytes(8).toString('hex');
    const [name, input] = userId
      ? ['updateUser', { userId, displayName: unique }]
      : ['createUser', { email: `ada.${unique}@example.com`, firstName: 'Ada', lastName: 'Lovelace' }];
    const type = name.charAt(0).toUpperCase() + name.slice(1);
    const query = `mutation ${type}($input: ${type}Input!) { ${name}(input: $input) {
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

/** Publishes other services' orders and points until RabbitMQ confirms them, a tenth of them twice. */
export class ForeignEvents {
  /** The id of each event, without duplicates. */
  readonly ids: string[] = [];
  private publishing: Promise<void> = Promise.resolve();

  constructor(
    private readonly stage: Stage,
    private readonly userIds: readonly string[],
  ) {}

  /** Queues this many events for publishing and returns their ids. */
  publish(count: number): string[] {
    const messages = Array.from({ length: count }, (_, at) => {
      const userId = this.userIds[at % this.userIds.length] as string;
      return at % 2 === 0 ? orderPlaced(userId, { orderId: randomUUID() }) : pointsEarned(userId);
    });
    const ids = messages.map(({ properties }) => String(properties.messageId));
    this.ids.push(...ids);
    this.publishing = this.publishing.then(() => this.untilConfirmed(messages));
    return ids;
  }

  /** Resolves when RabbitMQ has confirmed all events. */
  async published(): Promise<void> {
    await this.publishing;
  }

  /** Returns how many of these events have a history entry. */
  async countFolded(ids: readonly string[]): Promise<number> {
    const [row] = await this.stage.database.query<{ count: string }>(
      'SELECT count(*) FROM user_history WHERE event_id = ANY ($1)',
      [ids],
    );
    return Number(row?.count);
  }

  /** Returns how many published events have no history entry yet. */
  async countWaiting(): Promise<number> {
    const [row] = await this.stage.database.query<{ count: string }>(
      `SELECT count(*) FROM user_history WHERE type IN ('ORDER_PLACED', 'LOYALTY_POINTS_EARNED')`,
    );
    return this.ids.length - Number(row?.count);
  }

  private async untilConfirmed(messages: readonly ForeignMessage[]): Promise<void> {
    const { amqpUrl, prefix } = this.stage;
    for (let confirmed = false; !confirmed; ) {
      const attempt = withChannel(amqpUrl, (channel) => publishOnce(channel, prefix, messages));
      confirmed = await within(attempt, publishLimitMs, 'the messages were not confirmed in time').then(
        () => true,
        () => false,
      );
      if (!confirmed) await delay(100);
    }
  }
}

/** Publishes the messages, a tenth of them twice; resolves when every one is confirmed. */
async function publishOnce(
  channel: ConfirmChannel,
  prefix: string,
  messages: readonly ForeignMessage[],
): Promise<void> {
  const copies = messages.flatMap((message, at) => (at % 10 === 0 ? [message, message] : [message]));
  await new Promise<void>((resolve, reject) => {
    channel.on('error', reject);
    channel.on('close', () => reject(new Error('the channel was closed')));
    let unconfirmed = copies.length;
    for (const { exchange, routingKey, body, properties } of copies) {
      const options = { ...properties, persistent: true };
      channel.publish(`${prefix}${exchange}`, routingKey, body, options, (error: Error | null) => {
        unconfirmed -= 1;
        if (error) reject(error);
        else if (unconfirmed === 0) resolve();
      });
    }
  });
}
