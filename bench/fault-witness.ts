import { setTimeout as delay } from 'node:timers/promises';
import { type ConsumeMessage, connect } from 'amqplib';
import { type Stage, witnessQueue } from './stage';

const prefetch = 500;
const reconnectMs = 100;

/** Another team that hears our events, and comes back whenever RabbitMQ does. */
export class Witness {
  /** Of every event that arrived. */
  readonly ids = new Set<string>();
  /** Each user's sequences in the order of arrival, once repeats are dropped. */
  readonly sequences = new Map<string, number[]>();
  /** How often an event was published that had been before. */
  repeats = 0;
  private hangUp: () => void = () => undefined;
  private listening = true;
  private readonly running: Promise<void>;

  constructor(private readonly stage: Stage) {
    this.running = this.keepListening();
  }

  async stop(): Promise<void> {
    this.listening = false;
    this.hangUp();
    await this.running;
  }

  private async keepListening(): Promise<void> {
    while (this.listening) {
      await this.listen().catch(() => undefined);
      await delay(reconnectMs);
    }
  }

  /** Resolves when the connection is lost. */
  private async listen(): Promise<void> {
    const { amqpUrl, prefix } = this.stage;
    const connection = await connect(amqpUrl, { noDelay: true, timeout: 5_000 });
    // It is followed by the close.
    connection.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => void connection.on('close', () => resolve()));
    this.hangUp = () => void connection.close().catch(() => undefined);
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    channel.on('close', this.hangUp);
    await channel.prefetch(prefetch);
    // Acknowledged, not taken without: what was on its way when RabbitMQ ended comes again.
    await channel.consume(witnessQueue(prefix), (message) => {
      if (message === null) return this.hangUp();
      this.hear(message);
      channel.ack(message);
    });
    if (!this.listening) this.hangUp();
    await closed;
  }

  private hear({ content, fields }: ConsumeMessage): void {
    const event = JSON.parse(content.toString()) as { id: string; subject: string; sequence?: string };
    if (this.ids.has(event.id)) {
      if (!fields.redelivered) this.repeats += 1;
      return;
    }
    this.ids.add(event.id);
    // A request to another service is no change of the user.
    if (event.sequence === undefined) return;
    const seen = this.sequences.get(event.subject) ?? [];
    this.sequences.set(event.subject, seen);
    seen.push(Number(event.sequence));
  }
}
