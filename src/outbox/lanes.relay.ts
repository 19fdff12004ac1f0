import type { Logger } from 'pino';
import type { Database, Transaction } from '../postgres/database';
import {
  type Broker,
  BrokerUnavailableError,
  MessageRefusedError,
  type OutgoingMessage,
  type PublishOutcome,
} from '../rabbitmq/broker';
import { erasuresStream, queueExchange } from '../rabbitmq/topology';
import type { Tracing } from '../telemetry/tracing';
import { toMessage } from './cloud-event';
import { findPending, leadLanes, markPublished, type PendingEvent } from './pending-events.repository';

/** Of each lane. */
const largestBatch = 500;
/** A transaction that waits for confirms must be over before the database ends it as idle (5 seconds). */
const passLimitMs = 1_000;
/**
 * How long a transaction goes on leading while there is more: to begin, lead and commit for each pass would cost as
 * much as the pass.
 */
const leadershipMs = 100;
const firstHoldMs = 1_000;
const lastHoldMs = 60_000;
const catalogTypes = ['UserCreated', 'UserDeactivated'];

export interface LanesRelayOptions {
  database: Database;
  broker: Broker;
  /** `catalog`: everything but UserCreated and UserDeactivated counts as published without being sent to others. */
  profile: 'full' | 'catalog';
  log: Logger;
  tracing: Tracing | null;
  /** Is told of every attempt. */
  onAttempt: (event: PendingEvent, outcome: PublishOutcome | 'failed') => void;
}

/** What passes over lanes did in one transaction. */
export interface RelayPass {
  readonly published: readonly PendingEvent[];
  /** Lanes in which there may be more to publish at once. */
  readonly unfinished: readonly number[];
  /** Lanes that another relay leads. */
  readonly busy: number[];
}

/** What a wave or all waves of a pass came to. */
interface Waves {
  readonly published: PendingEvent[];
  /** Left for a later pass. */
  readonly left: PendingEvent[];
  readonly unavailable: BrokerUnavailableError | null;
}

/** Publishes the events of lanes, each user's in order, while no other relay does. */
export class LanesRelay {
  /** Small after a failure, so that a broker that is away or slow is asked with little. */
  private batchSize = largestBatch;
  /** Users whose next event the broker does not take, and until when they wait: nobody else waits for them. */
  private readonly heldBack = new Map<string, { untilMs: number; holdMs: number }>();

  constructor(private readonly options: LanesRelayOptions) {}

  /**
   * Publishes what waits in these lanes, while one transaction leads them; nothing of one that another leads. Marks
   * after each pass: what others wait for is not held until the next.
   *
   * @param takeWoken answers in which lanes there is more by now: a pass over all that are led follows at once
   * @param signal ends the pass after the wave in hand
   * @throws BrokerUnavailableError, DatabaseUnavailableError; what was confirmed before is marked all the same
   */
  async publishPending(
    lanes: readonly number[],
    takeWoken: () => readonly number[],
    signal: AbortSignal,
  ): Promise<RelayPass> {
    const published: PendingEvent[] = [];
    const busy = new Set<number>();
    let wanted = lanes;
    const unavailable = await this.options.database.transaction(async (tx) => {
      const led = new Set<number>();
      const endsAtMs = performance.now() + leadershipMs;
      do {
        const asked = wanted.filter((lane) => !led.has(lane));
        if (asked.length > 0) for (const lane of await leadLanes(tx, asked)) led.add(lane);
        for (const lane of wanted) if (!led.has(lane)) busy.add(lane);
        // In all of them: other replicas commit, too, and wake nobody here.
        const pass = await this.publishOnce(tx, [...led], signal);
        published.push(...pass.published);
        wanted = pass.unfinished;
        if (pass.unavailable) return pass.unavailable;
        if (performance.now() > endsAtMs || signal.aborted) return null;
        wanted = [...new Set([...wanted, ...takeWoken()])];
      } while (wanted.length > 0);
      return null;
    });
    if (unavailable && published.length === 0) throw unavailable;
    return { published, unfinished: wanted, busy: [...busy] };
  }

  /** A pass over lanes that this transaction leads. */
  private async publishOnce(tx: Transaction, lanes: readonly number[], signal: AbortSignal) {
    const limit = this.batchSize;
    const events = await findPending(tx, lanes, limit, this.usersHeldBack());
    const { published, left, unavailable } = await this.publishInWaves(events, signal);
    await markPublished(
      this.options.database,
      published.map(({ id }) => id),
    );
    this.batchSize = unavailable ? 1 : Math.min(largestBatch, limit * 10);
    const unfinished = lanes.filter(
      (lane) =>
        unavailable !== null ||
        left.some((event) => event.lane === lane) ||
        events.filter((event) => event.lane === lane).length === limit,
    );
    return { published, unfinished, unavailable };
  }

  /** Users in parallel, but of each user one unconfirmed event at most: an unknown outcome must not be overtaken. */
  private async publishInWaves(events: PendingEvent[], signal: AbortSignal): Promise<Waves> {
    const deadlineMs = performance.now() + passLimitMs;
    const published: PendingEvent[] = [];
    let left = events;
    while (left.length > 0) {
      const wave = new Map<string, PendingEvent>();
      const later: PendingEvent[] = [];
      for (const event of left) {
        if (wave.has(event.userId)) later.push(event);
        else wave.set(event.userId, event);
      }
      const sent = [...wave.values()];
      const outcomes = await Promise.allSettled(sent.map((event) => this.publish(event)));
      let unavailable: BrokerUnavailableError | null = null;
      for (const [at, event] of sent.entries()) {
        const outcome = outcomes[at] as PromiseSettledResult<void>;
        if (outcome.status === 'fulfilled') {
          published.push(event);
          this.heldBack.delete(event.userId);
        } else if (isUnavailable(outcome.reason)) unavailable ??= outcome.reason;
        else this.holdBack(event, outcome.reason);
      }
      left = later.filter(({ userId }) => !this.heldBack.has(userId));
      if (unavailable || signal.aborted || performance.now() > deadlineMs)
        return { published, left, unavailable };
    }
    return { published, left, unavailable: null };
  }

  private async publish(event: PendingEvent): Promise<void> {
    const { broker, profile, tracing, onAttempt } = this.options;
    const message = outgoing(event, profile);
    if (!message) return;
    const { id, type, traceparent } = event;
    const span = tracing?.startSpan({
      name: `publish ${type}`,
      kind: 'producer',
      parent: traceparent,
      attributes: { 'messaging.message.id': id },
    });
    try {
      const outcome = await broker.publish(message);
      span?.end({ failed: false, attributes: { outcome } });
      onAttempt(event, outcome);
    } catch (error) {
      // Not for a broker that is away: the tries of all waiting events would crowd out the spans of requests.
      if (!isUnavailable(error)) span?.end({ failed: true, attributes: { outcome: 'failed' } });
      onAttempt(event, 'failed');
      throw error;
    }
  }

  private holdBack({ id, type, userId }: PendingEvent, error: unknown): void {
    const before = this.heldBack.get(userId);
    const holdMs = before ? Math.min(before.holdMs * 2, lastHoldMs) : firstHoldMs;
    this.heldBack.set(userId, { holdMs, untilMs: performance.now() + holdMs });
    if (before) return;
    const { log } = this.options;
    if (error instanceof MessageRefusedError)
      log.warn({ eventId: id, type, userId }, 'the broker refused an event: its user waits');
    else log.error({ err: error, eventId: id, type, userId }, 'an event cannot be published: its user waits');
  }

  private usersHeldBack(): string[] {
    const nowMs = performance.now();
    return [...this.heldBack].filter(([, { untilMs }]) => untilMs > nowMs).map(([userId]) => userId);
  }
}

/** What the broker gets of an event, if anything. */
function outgoing(event: PendingEvent, profile: LanesRelayOptions['profile']): OutgoingMessage | null {
  const message = toMessage(event);
  if (profile === 'full' || catalogTypes.includes(event.type)) return message;
  // Nobody else is told, but erasures are kept outside of the database all the same.
  const isErasure = event.type === 'UserErased';
  return isErasure ? { ...message, exchange: queueExchange, routingKey: erasuresStream } : null;
}

function isUnavailable(error: unknown): error is BrokerUnavailableError {
  return error instanceof BrokerUnavailableError && !(error instanceof MessageRefusedError);
}
