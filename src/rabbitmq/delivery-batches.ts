import type { Logger } from 'pino';
import { pause } from '../scheduling/pause';
import type { Delivery, SubscriptionOptions } from './broker';

const firstBackoffMs = 100;
const maxBackoffMs = 5_000;
/** A batch that keeps failing is logged as a warning this often. */
const warningIntervalSeconds = 60;

/** A delivery to acknowledge. */
export interface Unacknowledged {
  readonly delivery: Delivery;
}

export interface DeliveryBatchesOptions<Item extends Unacknowledged>
  extends Pick<SubscriptionOptions, 'queue' | 'batchSize' | 'onBatch'> {
  readonly log: Logger;
  /** Called once for each processed batch, in order of arrival. */
  readonly acknowledge: (batch: Item[]) => void;
}

/**
 * Processes deliveries in batches, one batch at a time and in order of arrival. Retries each batch until it succeeds.
 * Never sends a nack, because the broker would redeliver the message immediately. Its methods never reject.
 */
export class DeliveryBatches<Item extends Unacknowledged> {
  private waiting: Item[] = [];
  private processing: Promise<void> | undefined;
  /** Incremented when earlier deliveries can no longer be acknowledged. */
  private epoch = 0;
  private readonly stopping = new AbortController();
  /** When the current batch failed first, in milliseconds of `performance.now()`. */
  private failedAtMs: number | null = null;

  constructor(private readonly options: DeliveryBatchesOptions<Item>) {}

  /** Queues a delivery. After `stop`, ignores it, so that it stays unacknowledged. */
  add(item: Item): void {
    if (this.stopping.signal.aborted) return;
    this.waiting.push(item);
    this.processing ??= this.processAll();
  }

  /** Drops all deliveries without acknowledging them, so that the broker redelivers them. */
  forget(): void {
    this.epoch += 1;
    this.waiting = [];
  }

  /** Returns for how many seconds the current batch has been retried; 0 if it has not failed. */
  blockedSeconds(): number {
    return this.failedAtMs === null ? 0 : (performance.now() - this.failedAtMs) / 1_000;
  }

  /** Finishes and acknowledges the current batch. If that batch fails, it stays unacknowledged. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.waiting = [];
    await this.processing;
  }

  private async processAll(): Promise<void> {
    while (this.waiting.length > 0) {
      // Waits one turn of the event loop, so that deliveries received together form one batch.
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.waiting.splice(0, this.options.batchSize);
      if (batch.length > 0) await this.process(batch);
      this.failedAtMs = null;
    }
    this.processing = undefined;
  }

  private async process(batch: Item[]): Promise<void> {
    const { queue, log, onBatch, acknowledge } = this.options;
    const { epoch } = this;
    const deliveries = batch.map(({ delivery }) => delivery);
    let warnedAtSeconds = -warningIntervalSeconds;
    for (let failures = 0; ; failures += 1) {
      try {
        await onBatch(deliveries);
        if (failures > 0) log.info({ queue }, 'a batch of deliveries was processed after retries');
        break;
      } catch (error) {
        this.failedAtMs ??= performance.now();
        const blockedSeconds = Math.round(this.blockedSeconds());
        const isDue = blockedSeconds >= warnedAtSeconds + warningIntervalSeconds;
        if (isDue) warnedAtSeconds = blockedSeconds;
        log[isDue ? 'warn' : 'debug'](
          { err: error, queue, deliveries: batch.length, blockedSeconds },
          'a batch of deliveries failed and is retried',
        );
      }
      const { signal } = this.stopping;
      await pause(Math.min(firstBackoffMs * 2 ** failures, maxBackoffMs), signal);
      if (signal.aborted || epoch !== this.epoch) return;
    }
    // After a reconnection, the delivery tags of this batch would acknowledge other messages.
    if (epoch === this.epoch) acknowledge(batch);
  }
}
