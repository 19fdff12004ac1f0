import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Delivery, SubscriptionOptions } from './broker';

const firstRetryMs = 100;
const lastRetryMs = 5_000;

/** Something that waits for its acknowledgement. */
export interface Held {
  readonly delivery: Delivery;
}

export interface DeliveryBatchesOptions<Item extends Held>
  extends Pick<SubscriptionOptions, 'queue' | 'batchSize' | 'onBatch'> {
  readonly log: Logger;
  /** Is called once for each batch that was dealt with, in the order of arrival. */
  readonly acknowledge: (batch: Item[]) => void;
}

/**
 * Hands deliveries on in batches, one at a time and in the order of arrival, each until it is dealt with.
 * Nothing is nacked: that would bring the same message back at once. Never rejects.
 */
export class DeliveryBatches<Item extends Held> {
  private waiting: Item[] = [];
  private working: Promise<void> | undefined;
  /** Rises when what was delivered so far is no longer ours to acknowledge. */
  private epoch = 0;
  private readonly stopping = new AbortController();

  constructor(private readonly options: DeliveryBatchesOptions<Item>) {}

  /** Takes a delivery, unless it is stopping: then it stays unanswered. */
  add(item: Item): void {
    if (this.stopping.signal.aborted) return;
    this.waiting.push(item);
    this.working ??= this.work();
  }

  /** The broker gives everything again that is not acknowledged by now. */
  forget(): void {
    this.epoch += 1;
    this.waiting = [];
  }

  /** Finishes and acknowledges the batch in hand; one that fails is left unanswered. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.waiting = [];
    await this.working;
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0) {
      // One turn of the event loop, so that what arrived together is one batch.
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.waiting.splice(0, this.options.batchSize);
      if (batch.length > 0) await this.deal(batch);
    }
    this.working = undefined;
  }

  private async deal(batch: Item[]): Promise<void> {
    const { queue, log, onBatch, acknowledge } = this.options;
    const { epoch } = this;
    const deliveries = batch.map(({ delivery }) => delivery);
    for (let failures = 0; ; failures += 1) {
      try {
        await onBatch(deliveries);
        if (failures > 0) log.info({ queue }, 'deliveries are dealt with again');
        break;
      } catch (error) {
        log[failures === 0 ? 'warn' : 'debug'](
          { err: error, queue },
          'deliveries wait: they could not be dealt with',
        );
      }
      const { signal } = this.stopping;
      await delay(Math.min(firstRetryMs * 2 ** failures, lastRetryMs), undefined, { signal }).catch(
        () => null,
      );
      if (signal.aborted || epoch !== this.epoch) return;
    }
    // Elsewhere than where they came from the tags are somebody else's.
    if (epoch === this.epoch) acknowledge(batch);
  }
}
