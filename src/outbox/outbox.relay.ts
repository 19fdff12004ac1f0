import type { Logger } from 'pino';
import { type Backlog, readBacklog } from '../postgres/backlog';
import type { Database } from '../postgres/database';
import type { Broker, PublishOutcome } from '../rabbitmq/broker';
import { PeriodicLoop } from '../scheduling/periodic-loop';
import type { Tracing } from '../telemetry/tracing';
import { isAuditEvent } from './cloud-event';
import { LanesRelay } from './lanes.relay';
import { auditLane } from './outbox';
import { findLanesWithPending, type PendingEvent } from './pending-events.repository';
import { RelayLoop } from './relay-loop';

const unroutableWarningIntervalMs = 60_000;
/** How long audit events are gathered before a round. They have a loop of their own, so user events do not wait. */
const auditGatheringMs = 100;
/** Short, because preparing a batch blocks the event loop, which user events also need. */
const largestAuditBatch = 100;

export interface OutboxRelayOptions {
  database: Database;
  broker: Broker;
  /** `catalog` sends only UserCreated and UserDeactivated to subscribers. It marks other events as published unsent. */
  profile: 'full' | 'catalog';
  metrics: RelayMetrics;
  log: Logger;
  /** Creates a span for each event as a child of its change's span; defaults to none. */
  tracing?: Tracing | null;
  /** How often to poll for events of other processes, in milliseconds; defaults to 500. */
  pollIntervalMs?: number;
  /** Called with published events, except audit events, after they are marked. Calls do not overlap. */
  onPublished?: (events: readonly PublishedEvent[]) => Promise<void>;
}

/** The user of a published event, and the user's version if the event has one. */
export type PublishedEvent = Pick<PendingEvent, 'userId' | 'version'>;

/** The metrics that the relay updates. */
export interface RelayMetrics {
  eventsPublished: { inc(labels: { type: string; outcome: PublishOutcome | 'failed' }): void };
  eventsPublishDelay: { observe(seconds: number): void };
}

/**
 * Publishes committed events at least once, in order for each user, until `stop`. Commits of this process wake it; a
 * poll finds events of other processes. One relay per lane at a time: SKIP LOCKED would let two relays publish the
 * events of one user out of order.
 */
export class OutboxRelay {
  private readonly stopping = new AbortController();
  private readonly changes: RelayLoop;
  private readonly audits: RelayLoop;
  private readonly poll: PeriodicLoop;
  private started = false;
  /** The call of `onPublished` in progress. */
  private notifying: Promise<void> = Promise.resolve();
  private failing = false;
  private warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: OutboxRelayOptions) {
    this.changes = this.createLoop({ gatheringMs: 0, largestBatch: 500 });
    this.audits = this.createLoop({ gatheringMs: auditGatheringMs, largestBatch: largestAuditBatch });
    this.poll = new PeriodicLoop({
      intervalMs: options.pollIntervalMs ?? 500,
      startsImmediately: true,
      work: async () => {
        const lanes = await findLanesWithPending(options.database);
        for (const lane of lanes) this.wake(lane);
        // Without pending events no round follows that would report it.
        if (lanes.length === 0) this.reportSuccess();
      },
      onFailure: (error) => this.reportFailure(error),
    });
  }

  /** Requests a round over this lane. Does nothing before `start`. */
  wake = (lane: number): void => {
    if (!this.started) return;
    (lane === auditLane ? this.audits : this.changes).wake(lane);
  };

  start(): void {
    this.started = true;
    this.poll.start();
  }

  /** Stops after the current waves. Events that are not published by then are left for the next relay. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.poll.stop();
    await Promise.all([this.changes.whenIdle(), this.audits.whenIdle()]);
    await this.notifying;
  }

  /**
   * Returns the number of unpublished events and the age of the oldest one.
   *
   * @throws DatabaseUnavailableError
   */
  backlog(): Promise<Backlog> {
    return readBacklog(this.options.database, {
      from: 'outbox_events WHERE published_at IS NULL',
      oldest: 'min(occurred_at)',
    });
  }

  /** Returns `degraded` from a poll or round that failed until a round succeeds or a poll finds nothing to publish. */
  status(): 'ready' | 'degraded' {
    return this.failing ? 'degraded' : 'ready';
  }

  private createLoop({
    gatheringMs,
    largestBatch,
  }: {
    gatheringMs: number;
    largestBatch: number;
  }): RelayLoop {
    const { database, broker, profile, log, tracing = null } = this.options;
    return new RelayLoop({
      lanes: new LanesRelay({
        database,
        broker,
        profile,
        largestBatch,
        log,
        tracing,
        onAttempt: (event, outcome) => this.count(event, outcome),
      }),
      gatheringMs,
      signal: this.stopping.signal,
      onRound: async ({ published }) => {
        this.reportSuccess();
        if (published.length > 0) await this.reportPublished(published);
      },
      onFailure: (error) => this.reportFailure(error),
    });
  }

  /** Runs `onPublished` during the next round, one call at a time: a slow listener delays rounds. */
  private async reportPublished(events: readonly PendingEvent[]): Promise<void> {
    const { log, onPublished } = this.options;
    const changes = events.filter(({ type }) => !isAuditEvent(type));
    if (!onPublished || changes.length === 0) return;
    await this.notifying;
    this.notifying = onPublished(changes).catch((error: unknown) =>
      log.warn({ err: error }, 'the listener for published events failed'),
    );
  }

  private reportFailure(error: unknown): void {
    if (!this.failing) this.options.log.warn({ err: error }, 'could not publish events: retrying');
    this.failing = true;
  }

  private reportSuccess(): void {
    if (this.failing) this.options.log.info('publishing events resumed');
    this.failing = false;
  }

  private count(event: PendingEvent, outcome: PublishOutcome | 'failed'): void {
    const { metrics, log } = this.options;
    const { type, occurredAt } = event;
    metrics.eventsPublished.inc({ type, outcome });
    if (outcome !== 'failed')
      metrics.eventsPublishDelay.observe(Math.max(0, Date.now() - occurredAt.getTime()) / 1000);
    if (outcome !== 'unroutable') return;
    const nowMs = performance.now();
    if (nowMs - this.warnedAtMs < unroutableWarningIntervalMs) return;
    this.warnedAtMs = nowMs;
    log.warn({ type }, 'no queue is bound for an event: run republish once one is');
  }
}
