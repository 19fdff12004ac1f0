import { setTimeout as delay } from 'node:timers/promises';
import { type ConsumeMessage, connect } from 'amqplib';
import { type Stage, witnessQueue } from './stage';

const prefetch = 500;
const reconnectMs = 100;

/** Another team's consumer of our events, which reconnects after every outage of RabbitMQ. */
export class Witness {
  /** The id of every event that arrived. */
  readonly ids = new Set<string>();
  /** Sequences by user id in the order of arrival, without duplicates. */
  readonly sequences = new Map<string, number[]>();
  /** The number of events that were published again. */
  repeats = 0;
  private disconnect: () => void = () => undefined;
  private consuming = true;
  private readonly running: Promise<void>;

  constructor(private readonly stage: Stage) {
    this.running = this.keepConsuming();
  }

  async stop(): Promise<void> {
    this.consuming = false;
    this.disconnect();
    await this.running;
  }

  private async keepConsuming(): Promise<void> {
    while (this.consuming) {
      await this.consume().catch(() => undefined);
      await delay(reconnectMs);
    }
  }

  /** Resolves when the connection is lost. */
  private async consume(): Promise<void> {
    const { amqpUrl, prefix } = this.stage;
    const connection = await connect(amqpUrl, { noDelay: true, timeout: 5_000 });
    // An error is always followed by `close`.
    connection.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => void connection.on('close', () => resolve()));
    this.disconnect = () => void connection.close().catch(() => undefined);
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    channel.on('close', this.disconnect);
    await channel.prefetch(prefetch);
    // With acknowledgements, RabbitMQ redelivers messages that were in flight when it was killed.
    await channel.consume(witnessQueue(prefix), (message) => {
      if (message === null) return this.disconnect();
      this.receive(message);
      channel.ack(message);
    });
    if (!this.consuming) this.disconnect();
    await closed;
  }

  private receive({ content, fields }: ConsumeMessage): void {
    const event = JSON.parse(content.toString()) as { id: string; subject: string; sequence?: string };
    if (this.ids.has(event.id)) {
      if (!fields.redelivered) this.repeats += 1;
      return;
    }
    this.ids.add(event.id);
    // Events without a sequence, such as requests to another service, are not changes of the user.
    if (event.sequence === undefined) return;
    const seen = this.sequences.get(event.subject) ?? [];
    this.sequences.set(event.subject, seen);
    seen.push(Number(event.sequence));
  }
}
