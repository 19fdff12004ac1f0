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
import { auditLane } from './outbox';
import { findPending, lockLanes, markPublished, type PendingEvent } from './pending-events.repository';

/**
 * No new wave of a pass starts after this time. A wave waits up to 3 seconds for confirms, and PostgreSQL ends a
 * transaction that is idle for 5 seconds.
 */
const passLimitMs = 1_000;
/**
 * How long one transaction keeps its lanes locked while there is more to publish. Starting, locking and committing
 * for each pass would cost as much as the pass.
 */
const lanesLockedMs = 100;
const firstBackoffMs = 1_000;
const longestBackoffMs = 60_000;
const catalogTypes = ['UserCreated', 'UserDeactivated'];

export interface LanesRelayOptions {
  database: Database;
  broker: Broker;
  /** `catalog` sends only UserCreated and UserDeactivated to subscribers. It marks other events as published unsent. */
  profile: 'full' | 'catalog';
  /** Events per lane and pass. */
  largestBatch: number;
  log: Logger;
  tracing: Tracing | null;
  /** Called after each attempt to publish an event. */
  onAttempt: (event: PendingEvent, outcome: PublishOutcome | 'failed') => void;
}

/** The result of a round: one transaction with one or more passes over the lanes that it has locked. */
export interface RelayRound {
  readonly published: readonly PendingEvent[];
  /** Lanes that may have more to publish now, for the next round. */
  readonly unfinished: readonly number[];
  /** Lanes that another relay has locked. */
  readonly busy: number[];
}

/** The result of publishing the events of one pass in waves. */
interface Waves {
  readonly published: PendingEvent[];
  /** Events left for a later pass. */
  readonly left: PendingEvent[];
  readonly unavailable: BrokerUnavailableError | null;
}

/** Publishes the pending events of lanes, in order for each user. A lock on each lane keeps other relays from it. */
export class LanesRelay {
  /** 1 after the broker was unavailable, then tenfold per pass: a slow broker is not flooded. */
  private batchSize: number;
  /** Keys (`orderKeyOf`) of events that could not be published, with their back-off. Other keys do not wait. */
  private readonly heldBack = new Map<string, { retryAtMs: number; backoffMs: number }>();

  constructor(private readonly options: LanesRelayOptions) {
    this.batchSize = options.largestBatch;
  }

  /**
   * Publishes the pending events of these lanes in one transaction that locks them. Skips lanes that another relay
   * has locked. Marks events in a transaction of their own after each pass: a mark survives a rollback, and row locks
   * are short.
   *
   * @param takeWoken returns lanes woken since the last call; if there are any, another pass over all lanes follows
   * @param signal returns after the current wave when it is aborted
   * @throws BrokerUnavailableError if the broker is unavailable and nothing was published before;
   *   DatabaseUnavailableError
   */
  async publishPending(
    lanes: readonly number[],
    takeWoken: () => readonly number[],
    signal: AbortSignal,
  ): Promise<RelayRound> {
    const published: PendingEvent[] = [];
    const busy = new Set<number>();
    let wanted = lanes;
    const unavailable = await this.options.database.transaction(async (tx) => {
      const locked = new Set<number>();
      const endsAtMs = performance.now() + lanesLockedMs;
      do {
        const unlocked = wanted.filter((lane) => !locked.has(lane));
        if (unlocked.length > 0) for (const lane of await lockLanes(tx, unlocked)) locked.add(lane);
        for (const lane of wanted) if (!locked.has(lane)) busy.add(lane);
        // All locked lanes, not only the woken ones: commits of other replicas do not wake this relay.
        const pass = await this.runPass(tx, [...locked], signal);
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

  /** Reads, publishes and marks one batch of each of these lanes, which this transaction has locked. */
  private async runPass(tx: Transaction, lanes: readonly number[], signal: AbortSignal) {
    const limit = this.batchSize;
    const events = await findPending(tx, { lanes, limitPerLane: limit, heldBack: this.keysHeldBack() });
    const { published, left, unavailable } = await this.publishInWaves(events, signal);
    await markPublished(this.options.database, published);
    this.batchSize = unavailable ? 1 : Math.min(this.options.largestBatch, limit * 10);
    const unfinished = lanes.filter(
      (lane) =>
        unavailable !== null ||
        left.some((event) => event.lane === lane) ||
        events.filter((event) => event.lane === lane).length === limit,
    );
    return { published, unfinished, unavailable };
  }

  /**
   * Publishes events of different users in parallel, and at most one of each user: a later event must not overtake one
   * whose outcome is unknown. Audit events have no order, so all of them are in the first wave.
   */
  private async publishInWaves(events: PendingEvent[], signal: AbortSignal): Promise<Waves> {
    const deadlineMs = performance.now() + passLimitMs;
    const published: PendingEvent[] = [];
    let left = events;
    while (left.length > 0) {
      const wave = new Map<string, PendingEvent>();
      const later: PendingEvent[] = [];
      for (const event of left) {
        const key = orderKeyOf(event);
        if (wave.has(key)) later.push(event);
        else wave.set(key, event);
      }
      const sent = [...wave.values()];
      const outcomes = await Promise.allSettled(sent.map((event) => this.publish(event)));
      let unavailable: BrokerUnavailableError | null = null;
      for (const [at, event] of sent.entries()) {
        const outcome = outcomes[at] as PromiseSettledResult<void>;
        if (outcome.status === 'fulfilled') {
          published.push(event);
          this.heldBack.delete(orderKeyOf(event));
        } else if (isUnavailable(outcome.reason)) unavailable ??= outcome.reason;
        else this.holdBack(event, outcome.reason);
      }
      left = later.filter((event) => !this.heldBack.has(orderKeyOf(event)));
      if (unavailable || signal.aborted || performance.now() > deadlineMs)
        return { published, left, unavailable };
    }
    return { published, left, unavailable: null };
  }

  private async publish(event: PendingEvent): Promise<void> {
    const { profile, onAttempt } = this.options;
    try {
      const message = outgoing(event, profile);
      if (message) onAttempt(event, await this.send(event, message));
    } catch (error) {
      onAttempt(event, 'failed');
      throw error;
    }
  }

  private async send({ id, type, traceparent }: PendingEvent, message: OutgoingMessage) {
    const { broker, tracing } = this.options;
    const span = tracing?.startSpan({
      name: `publish ${message.exchange}`,
      kind: 'producer',
      parent: traceparent,
      attributes: {
        'messaging.system': 'rabbitmq',
        'messaging.destination.name': message.exchange,
        'messaging.rabbitmq.destination.routing_key': message.routingKey,
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'send',
        'messaging.message.id': id,
        'messaging.message.type': type,
      },
    });
    try {
      const outcome = await broker.publish(message);
      span?.end({ failed: false, attributes: { outcome } });
      return outcome;
    } catch (error) {
      // No span while the broker is unavailable: retries of the whole backlog would crowd out the spans of requests.
      if (!isUnavailable(error)) span?.end({ failed: true, attributes: { outcome: 'failed' } });
      throw error;
    }
  }

  private holdBack(event: PendingEvent, error: unknown): void {
    const { id, type, userId } = event;
    const key = orderKeyOf(event);
    const before = this.heldBack.get(key);
    const backoffMs = before ? Math.min(before.backoffMs * 2, longestBackoffMs) : firstBackoffMs;
    this.heldBack.set(key, { backoffMs, retryAtMs: performance.now() + backoffMs });
    if (before) return;
    const { log } = this.options;
    if (error instanceof MessageRefusedError)
      log.warn(
        { eventId: id, type, userId },
        'the broker refused an event: retrying it before later events of its user',
      );
    else
      log.error(
        { err: error, eventId: id, type, userId },
        'could not publish an event: retrying it before later events of its user',
      );
  }

  private keysHeldBack(): string[] {
    const nowMs = performance.now();
    return [...this.heldBack].filter(([, { retryAtMs }]) => retryAtMs > nowMs).map(([key]) => key);
  }
}

/** Returns the key of events that are published in order: the user's id, or an audit event's own id. */
function orderKeyOf({ id, lane, userId }: PendingEvent): string {
  return lane === auditLane ? id : userId;
}

/** Returns the message to send; null if the profile sends nothing for this event. */
function outgoing(event: PendingEvent, profile: LanesRelayOptions['profile']): OutgoingMessage | null {
  const message = toMessage(event);
  if (profile === 'full' || catalogTypes.includes(event.type)) return message;
  // The ledger of erasures must be complete under every profile.
  const isErasure = event.type === 'UserErased';
  return isErasure ? { ...message, exchange: queueExchange, routingKey: erasuresStream } : null;
}

function isUnavailable(error: unknown): error is BrokerUnavailableError {
  return error instanceof BrokerUnavailableError && !(error instanceof MessageRefusedError);
}
