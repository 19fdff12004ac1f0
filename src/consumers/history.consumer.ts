import type { UserActivityRepository } from '../activity/user-activity.repository';
import { type CommerceEvent, commerceEventTypes, namesOnlyOrder } from '../commerce/commerce-event';
import { type CommerceFold, type FoldOutcome, UnfoldableEventError } from '../commerce/commerce-fold';
import type { DeliveryAttemptsRepository } from '../parked/delivery-attempts.repository';
import type { MessageToPark } from '../parked/message-to-park';
import type { ParkedMessagesRepository } from '../parked/parked-messages.repository';
import { fingerprintOf } from '../parked/wire-message';
import type { Broker, Delivery, Subscription } from '../rabbitmq/broker';
import { deadLetterQueue, historyQueue } from '../rabbitmq/topology';
import { nextTurn } from '../scheduling/next-turn';
import type { Tracing } from '../telemetry/tracing';
import { startProcessSpans } from './process-spans';
import { parkUnread, type ReadMessage, readMessage } from './read-message';

/** Reading a larger body takes milliseconds: the event loop gets a turn after each. */
const largeBodyBytes = 16 * 1024;
const batchSize = 200;
/** While PostgreSQL works on one batch, this process prepares the other. */
const parallelBatches = 2;
const prefetch = 600;
/** At this attempt alone a suspect is parked. Every earlier attempt ended with its process. */
const parkingAttempt = 3;
/** After this many deliveries of a dead letter only its digest is stored. */
const deliveriesBeforeDigest = 20;
const rememberedMessages = 10_000;

export interface HistoryConsumerOptions {
  readonly fold: CommerceFold;
  readonly activity: UserActivityRepository;
  readonly parked: ParkedMessagesRepository;
  readonly attempts: DeliveryAttemptsRepository;
  /** Records a span for each message; defaults to none. */
  readonly tracing?: Tracing | null | undefined;
  readonly metrics: {
    eventsFolded: { inc(labels: { type: string; result: 'folded' | 'parked' }, count?: number): void };
    consumerBatchSize: { observe(messages: number): void };
  };
}

/**
 * Folds events, records sign-ins, and parks messages that it cannot process. It acknowledges a message only after one
 * of these is committed. Of a message about an erased user at most the identity is stored.
 */
export class HistoryConsumer {
  private subscriptions: Subscription[] = [];
  /**
   * The number of the current attempt alone, by fingerprint; 0 for an attempt in a batch. The process is alive, so the
   * message did not crash it: processing it again is not a new attempt.
   */
  private readonly attempted = new Map<string, number>();

  constructor(private readonly options: HistoryConsumerOptions) {}

  start(broker: Broker): void {
    this.subscriptions = [
      broker.subscribe({
        queue: historyQueue,
        prefetch,
        batchSize,
        parallelBatches,
        onBatch: (deliveries) => this.consume(deliveries),
      }),
      broker.subscribe({
        queue: deadLetterQueue,
        prefetch: 20,
        batchSize: 20,
        onBatch: (deliveries) => this.parkGivenUp(deliveries),
      }),
    ];
  }

  /** Returns for how many seconds the oldest batch has been retried; 0 if none is. */
  blockedSeconds(): number {
    return Math.max(0, ...this.subscriptions.map((subscription) => subscription.blockedSeconds()));
  }

  /** Stops after the current batches. */
  async stop(): Promise<void> {
    await Promise.all(this.subscriptions.map((subscription) => subscription.stop()));
  }

  /** Folds or parks deliveries. If it throws, all of them can be processed again. */
  async consume(deliveries: readonly Delivery[]): Promise<void> {
    this.options.metrics.consumerBatchSize.observe(deliveries.length);
    await this.process(deliveries.filter((delivery) => !delivery.redelivered));
    await this.retry(deliveries.filter((delivery) => delivery.redelivered));
  }

  /** Messages not suspected of crashing a process are retried as one batch; suspects are retried one at a time. */
  private async retry(deliveries: readonly Delivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    const { attempts } = this.options;
    const retried = deliveries.map((delivery) => ({ delivery, fingerprint: fingerprintOf(delivery) }));
    const uncounted = retried.filter(({ fingerprint }) => !this.attempted.has(fingerprint));
    const unsuspected = await attempts.beginBatch(uncounted.map(({ fingerprint }) => fingerprint));
    for (const fingerprint of unsuspected) this.attempted.set(fingerprint, 0);
    const batch = retried.filter(({ fingerprint }) => this.attempted.get(fingerprint) === 0);
    await this.process(batch.map(({ delivery }) => delivery));
    await this.end(batch.map(({ fingerprint }) => fingerprint));
    for (const it of retried) if (!batch.includes(it)) await this.retryAlone(it.delivery, it.fingerprint);
  }

  private async retryAlone(delivery: Delivery, fingerprint: string): Promise<void> {
    const attempt = this.attempted.get(fingerprint) ?? (await this.options.attempts.beginAlone(fingerprint));
    this.attempted.set(fingerprint, attempt);
    if (attempt < parkingAttempt) await this.process([delivery]);
    else if (!(await this.isDuplicate(delivery, attempt))) {
      const detail = 'it crashed the process in each attempt';
      const message = parkUnread(delivery, { reason: 'CRASHED', detail, attempts: attempt });
      await this.options.parked.park([message]);
    }
    await this.end([fingerprint]);
  }

  /**
   * True if the event is known already, for example because an earlier attempt committed before the crash. Counts it as
   * a duplicate. Checked in one attempt only: if reading crashes the process too, the next attempt parks the message
   * unread.
   */
  private async isDuplicate(delivery: Delivery, attempt: number): Promise<boolean> {
    if (attempt > parkingAttempt) return false;
    const read = readMessage(delivery, attempt);
    return 'event' in read && this.options.fold.countIfDuplicate(read.event);
  }

  private async end(fingerprints: readonly string[]): Promise<void> {
    await this.options.attempts.end(fingerprints);
    for (const fingerprint of fingerprints) this.attempted.delete(fingerprint);
    // Messages that another process finished are not deleted here. Those in hand are among the latest.
    for (const fingerprint of this.attempted.keys()) {
      if (this.attempted.size <= rememberedMessages) break;
      this.attempted.delete(fingerprint);
    }
  }

  private async process(deliveries: readonly Delivery[]): Promise<void> {
    const read: { delivery: Delivery; result: ReadMessage }[] = [];
    for (const delivery of deliveries) {
      read.push({ delivery, result: readMessage(delivery, delivery.deliveryCount + 1) });
      if (delivery.body.length > largeBodyBytes) await nextTurn();
    }
    const endSpans = startProcessSpans(this.options.tracing ?? null, read);
    try {
      const signIns = read.flatMap(({ result }) => ('signIn' in result ? [result.signIn] : []));
      await this.options.activity.recordSignIns(signIns);
      this.options.metrics.eventsFolded.inc({ type: signInType, result: 'folded' }, signIns.length);
      const folded = await this.foldOrPark(read);
      endSpans(({ result }) => {
        if ('signIn' in result) return 'folded';
        return ('event' in result && folded.get(result.event)) || 'parked';
      });
    } catch (error) {
      endSpans(() => 'failed');
      throw error;
    }
  }

  /** Returns the outcome of each event that was not parked. */
  private async foldOrPark(
    read: readonly { delivery: Delivery; result: ReadMessage }[],
  ): Promise<Map<CommerceEvent, FoldOutcome>> {
    const readable = read.flatMap(({ delivery, result }) =>
      'event' in result ? [{ delivery, event: result.event }] : [],
    );
    const outcomes = await this.options.fold.fold(readable.map(({ event }) => event));
    const unfoldable = readable.flatMap(({ delivery, event }, at): MessageToPark[] => {
      const outcome = outcomes[at];
      if (!(outcome instanceof UnfoldableEventError)) return [];
      const message = parkUnread(delivery, {
        reason: outcome.reason,
        detail: outcome.detail,
        attempts: delivery.deliveryCount + 1,
      });
      const { type, source, eventId } = event;
      const userId = namesOnlyOrder(event) ? undefined : event.userId;
      return [{ ...message, type, source, eventId, userId }];
    });
    const unreadable = read.flatMap(({ result }) => ('park' in result ? [result.park] : []));
    for (const { type } of unreadable)
      this.options.metrics.eventsFolded.inc({ type: knownType(type), result: 'parked' });
    await this.options.parked.park([...unreadable, ...unfoldable]);
    return new Map(
      readable.flatMap(({ event }, at): [CommerceEvent, FoldOutcome][] => {
        const outcome = outcomes[at];
        return outcome === undefined || outcome instanceof UnfoldableEventError ? [] : [[event, outcome]];
      }),
    );
  }

  /** Parks messages that exceeded the broker's delivery limit. Does not read them: reading may be what failed. */
  private async parkGivenUp(deliveries: readonly Delivery[]): Promise<void> {
    const { parked } = this.options;
    const givenUp = deliveries.map((delivery) =>
      parkUnread(delivery, {
        reason: 'DELIVERY_LIMIT',
        detail: 'it exceeded the delivery limit of the queue',
        attempts: delivery.deliveryCount + 1,
      }),
    );
    await parked.park(givenUp.filter(({ attempts }) => attempts <= deliveriesBeforeDigest));
    // Parking them has failed often, or crashed a process.
    for (const message of givenUp)
      if (message.attempts > deliveriesBeforeDigest) await parked.parkDigest(message);
  }
}

const signInType = 'UserAuthenticated';

/** Returns a metric label from a fixed set, so that messages cannot create labels. */
function knownType(type: string | undefined): string {
  return [...commerceEventTypes, signInType].find((it) => it === type) ?? 'other';
}
