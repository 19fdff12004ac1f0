import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { withDeadline } from '../src/rabbitmq/deadline';
import { type ForeignMessage, orderPlaced, pointsEarned } from '../test/testkit/commerce-events';
import { type ConfirmChannel, type Stage, withChannel } from './stage';

const workers = 6;
/** Of each of them between two calls: others need the machine, too. */
const pauseMs = 50;
const publishLimitMs = 10_000;

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
      await delay(pauseMs);
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

/** Other services, which publish orders and points until RabbitMQ has confirmed them, some of them twice. */
export class ForeignEvents {
  /** The identity of each event, once. */
  readonly ids: string[] = [];
  private publishing: Promise<void> = Promise.resolve();

  constructor(
    private readonly stage: Stage,
    private readonly userIds: readonly string[],
  ) {}

  /** Begins to publish this many events after all before them; answers their identities. */
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

  /** Resolves when RabbitMQ has confirmed everything. */
  async published(): Promise<void> {
    await this.publishing;
  }

  /** How many of these have an entry in a history. */
  async countFolded(ids: readonly string[]): Promise<number> {
    const [row] = await this.stage.database.query<{ count: string }>(
      'SELECT count(*) FROM user_history WHERE event_id = ANY ($1)',
      [ids],
    );
    return Number(row?.count);
  }

  /** How many of all are in no history yet. */
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
      confirmed = await withDeadline(attempt, publishLimitMs).then(
        () => true,
        () => false,
      );
      if (!confirmed) await delay(100);
    }
  }
}

/** Resolves when every single message is confirmed; a tenth of them goes out twice. */
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
