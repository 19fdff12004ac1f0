import { type CommerceFold, UnfoldableEventError } from '../commerce/commerce-fold';
import type { DeliveryAttemptsRepository } from '../parked/delivery-attempts.repository';
import type { MessageToPark, ParkReason } from '../parked/message-to-park';
import type { ParkedMessagesRepository } from '../parked/parked-messages.repository';
import { fingerprintOf } from '../parked/wire-message';
import type { Broker, Delivery, Subscription } from '../rabbitmq/broker';
import { historyQueue, parkedQueue } from '../rabbitmq/topology';
import { parkUnread, readMessage } from './read-message';

const batchSize = 200;
const prefetch = 400;
/** The try alone at which a message that ended the process each time before is not folded again. */
const lastAttempt = 3;
const rememberedTries = 10_000;

export interface HistoryConsumerOptions {
  readonly fold: CommerceFold;
  readonly parked: ParkedMessagesRepository;
  readonly attempts: DeliveryAttemptsRepository;
  readonly metrics: {
    eventsFolded: { inc(labels: { type: string; result: 'parked' }): void };
    messagesParked: { inc(labels: { reason: ParkReason }): void };
  };
}

/** Ties the queues of the service to the fold: what can be folded is, what never can is parked, nothing is lost. */
export class HistoryConsumer {
  private subscriptions: Subscription[] = [];
  /** Tries that this process has counted: it lives, so trying again is no new one. 0: together with others. */
  private readonly begun = new Map<string, number>();

  constructor(private readonly options: HistoryConsumerOptions) {}

  start(broker: Broker): void {
    this.subscriptions = [
      broker.subscribe({
        queue: historyQueue,
        prefetch,
        batchSize,
        onBatch: (deliveries) => this.consume(deliveries),
      }),
      broker.subscribe({
        queue: parkedQueue,
        prefetch: 20,
        batchSize: 20,
        onBatch: (deliveries) => this.parkGivenUp(deliveries),
      }),
    ];
  }

  /** Finishes the batches in hand. */
  async stop(): Promise<void> {
    await Promise.all(this.subscriptions.map((subscription) => subscription.stop()));
  }

  /** Deals with deliveries; when it throws, all of them may be given again without harm. */
  async consume(deliveries: readonly Delivery[]): Promise<void> {
    await this.deal(deliveries.filter((delivery) => !delivery.redelivered));
    await this.dealAgain(deliveries.filter((delivery) => delivery.redelivered));
  }

  /**
   * Deals with deliveries of which one may have ended a process: those who have no process on their conscience yet
   * together, all others one at a time, so that none takes another with it.
   */
  private async dealAgain(deliveries: readonly Delivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    const { attempts } = this.options;
    const marked = deliveries.map((delivery) => ({ delivery, fingerprint: fingerprintOf(delivery) }));
    const unmarked = marked.filter(({ fingerprint }) => !this.begun.has(fingerprint));
    const begun = await attempts.beginTogether(unmarked.map(({ fingerprint }) => fingerprint));
    for (const fingerprint of begun) this.begun.set(fingerprint, 0);
    const together = marked.filter(({ fingerprint }) => this.begun.get(fingerprint) === 0);
    await this.deal(together.map(({ delivery }) => delivery));
    await this.end(together.map(({ fingerprint }) => fingerprint));
    for (const it of marked) if (!together.includes(it)) await this.dealAlone(it.delivery, it.fingerprint);
  }

  private async dealAlone(delivery: Delivery, fingerprint: string): Promise<void> {
    const tries = this.begun.get(fingerprint) ?? (await this.options.attempts.begin(fingerprint));
    this.begun.set(fingerprint, tries);
    if (tries < lastAttempt) await this.deal([delivery]);
    else if (!(await this.isDuplicate(delivery, tries)))
      await this.park([parkUnread(delivery, 'CRASHED', 'it ended the process each time', tries)]);
    await this.end([fingerprint]);
  }

  /**
   * True when an earlier try has had its effect, and the process ended only before the broker was told.
   * Looked at once: when the process ends even of that, the next try parks the message unread.
   */
  private async isDuplicate(delivery: Delivery, tries: number): Promise<boolean> {
    if (tries > lastAttempt) return false;
    const read = readMessage(delivery, tries);
    return 'event' in read && this.options.fold.recognise(read.event);
  }

  private async end(fingerprints: readonly string[]): Promise<void> {
    await this.options.attempts.end(fingerprints);
    for (const fingerprint of fingerprints) this.begun.delete(fingerprint);
    // What was begun here and dealt with elsewhere never ends here.
    if (this.begun.size > rememberedTries) this.begun.clear();
  }

  private async deal(deliveries: readonly Delivery[]): Promise<void> {
    const read = deliveries.map((it) => ({ delivery: it, result: readMessage(it, it.deliveryCount + 1) }));
    const readable = read.flatMap(({ delivery, result }) =>
      'event' in result ? [{ delivery, event: result.event }] : [],
    );
    const outcomes = await this.options.fold.fold(readable.map(({ event }) => event));
    const unfoldable = readable.flatMap(({ delivery, event }, at): MessageToPark[] => {
      if (!(outcomes[at] instanceof UnfoldableEventError)) return [];
      const reason = 'CANNOT_BE_FOLDED';
      const detail = 'PostgreSQL refused it';
      const unread = parkUnread(delivery, reason, detail, delivery.deliveryCount + 1);
      const { type, source, eventId } = event;
      const userId = event.type === 'PaymentFailed' ? undefined : event.userId;
      return [{ ...unread, type, source, eventId, userId }];
    });
    const unreadable = read.flatMap(({ result }) => ('park' in result ? [result.park] : []));
    for (const { type } of unreadable)
      this.options.metrics.eventsFolded.inc({ type: knownType(type), result: 'parked' });
    await this.park([...unreadable, ...unfoldable]);
  }

  /** Takes over what the broker gave up on; it is not read, as reading may be what went wrong. */
  private async parkGivenUp(deliveries: readonly Delivery[]): Promise<void> {
    await this.park(
      deliveries.map((delivery) =>
        parkUnread(
          { ...delivery, ...origin(delivery) },
          'DELIVERY_LIMIT',
          'the broker gave it up',
          delivery.deliveryCount + 1,
        ),
      ),
    );
  }

  private async park(messages: readonly MessageToPark[]): Promise<void> {
    await this.options.parked.park(messages);
    for (const { reason } of messages) this.options.metrics.messagesParked.inc({ reason });
  }
}

const types = ['OrderPlaced', 'PaymentFailed', 'LoyaltyPointsEarned'];

/** A label from a small set, whatever a message calls itself. */
function knownType(type: string | undefined): string {
  return type !== undefined && types.includes(type) ? type : 'other';
}

/** Where a message was published before the broker moved it, without the prefix that tests put before names. */
function origin({ exchange, routingKey, properties }: Delivery): { exchange: string; routingKey: string } {
  const [death] = (properties.headers['x-death'] ?? []) as {
    exchange?: unknown;
    'routing-keys'?: unknown[];
  }[];
  const [, name] = /((?:order|payment|loyalty)\.events)$/.exec(String(death?.exchange)) ?? [];
  const key = death?.['routing-keys']?.[0];
  return { exchange: name ?? exchange, routingKey: typeof key === 'string' ? key : routingKey };
}
