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
  extends Pick<SubscriptionOptions, 'queue' | 'batchSize' | 'parallelBatches' | 'onBatch'> {
  readonly log: Logger;
  /** Called once for each processed batch, in order of arrival. */
  readonly acknowledge: (batch: Item[]) => void;
}

/** A batch that is being processed, or waits for the acknowledgement of an earlier one. */
interface Batch<Item> {
  readonly items: Item[];
  /** True if it contains a redelivered message, which may have crashed a process: no other batch then runs. */
  readonly isAlone: boolean;
  processed: boolean;
  /** When it failed first, in milliseconds of `performance.now()`. */
  failedAtMs: number | null;
  finished: Promise<void>;
}

/**
 * Processes deliveries in batches, which start in order of arrival, and acknowledges them in that order. Retries each
 * batch until it succeeds. Never sends a nack, because the broker would redeliver the message immediately. Its methods
 * never reject.
 */
export class DeliveryBatches<Item extends Unacknowledged> {
  private waiting: Item[] = [];
  /** In order of arrival. */
  private batches: Batch<Item>[] = [];
  private starting = false;
  /** Incremented when earlier deliveries can no longer be acknowledged. */
  private epoch = 0;
  private readonly stopping = new AbortController();

  constructor(private readonly options: DeliveryBatchesOptions<Item>) {}

  /** Queues a delivery. After `stop`, ignores it, so that it stays unacknowledged. */
  add(item: Item): void {
    if (this.stopping.signal.aborted) return;
    this.waiting.push(item);
    this.startSoon();
  }

  /** Drops all deliveries without acknowledging them, so that the broker redelivers them. */
  forget(): void {
    this.epoch += 1;
    this.waiting = [];
    // The others leave the list when they end. Until then they count as running.
    this.batches = this.batches.filter(({ processed }) => !processed);
  }

  /** Returns for how many seconds the oldest batch has been retried; 0 if none has failed. */
  blockedSeconds(): number {
    const failedAtMs = this.batches.flatMap((batch) => batch.failedAtMs ?? []);
    return failedAtMs.length === 0 ? 0 : (performance.now() - Math.min(...failedAtMs)) / 1_000;
  }

  /** Finishes and acknowledges the current batches. One that fails stays unacknowledged. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.waiting = [];
    await Promise.all(this.batches.map(({ finished }) => finished));
  }

  /** Waits one turn of the event loop, so that deliveries received together form one batch. */
  private startSoon(): void {
    if (this.starting) return;
    this.starting = true;
    setImmediate(() => {
      this.starting = false;
      while (this.startNext());
    });
  }

  private startNext(): boolean {
    const { batchSize, parallelBatches = 1 } = this.options;
    if (this.waiting.length === 0 || this.batches.length >= parallelBatches) return false;
    const items = this.waiting.slice(0, batchSize);
    const isAlone = items.some(({ delivery }) => delivery.redelivered);
    if (this.batches.length > 0 && (isAlone || this.batches.some((batch) => batch.isAlone))) return false;
    this.waiting = this.waiting.slice(items.length);
    const batch: Batch<Item> = {
      items,
      isAlone,
      processed: false,
      failedAtMs: null,
      finished: Promise.resolve(),
    };
    this.batches.push(batch);
    batch.finished = this.process(batch, this.epoch);
    return true;
  }

  private async process(batch: Batch<Item>, epoch: number): Promise<void> {
    batch.processed = await this.tryUntilProcessed(batch, epoch);
    batch.failedAtMs = null;
    if (!batch.processed || epoch !== this.epoch) this.batches = this.batches.filter((it) => it !== batch);
    // A batch acknowledges all deliveries before its last one. After a reconnection, its tags would acknowledge others.
    for (let first = this.batches[0]; first?.processed; first = this.batches[0]) {
      this.batches.shift();
      this.options.acknowledge(first.items);
    }
    this.startSoon();
  }

  /** Returns false if it gave up, because of `stop` or `forget`. */
  private async tryUntilProcessed(batch: Batch<Item>, epoch: number): Promise<boolean> {
    const { queue, log, onBatch } = this.options;
    const deliveries = batch.items.map(({ delivery }) => delivery);
    let warnedAtSeconds = -warningIntervalSeconds;
    for (let failures = 0; ; failures += 1) {
      try {
        await onBatch(deliveries);
        if (failures > 0) log.info({ queue }, 'a batch of deliveries was processed after retries');
        return true;
      } catch (error) {
        batch.failedAtMs ??= performance.now();
        const blockedSeconds = Math.round((performance.now() - batch.failedAtMs) / 1_000);
        const isDue = blockedSeconds >= warnedAtSeconds + warningIntervalSeconds;
        if (isDue) warnedAtSeconds = blockedSeconds;
        log[isDue ? 'warn' : 'debug'](
          { err: error, queue, deliveries: batch.items.length, blockedSeconds },
          'a batch of deliveries failed and is retried',
        );
      }
      const { signal } = this.stopping;
      await pause(Math.min(firstBackoffMs * 2 ** failures, maxBackoffMs), signal);
      if (signal.aborted || epoch !== this.epoch) return false;
    }
  }
}
