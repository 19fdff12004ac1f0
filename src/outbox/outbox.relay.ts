import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from '../postgres/database';
import type { Broker, PublishOutcome } from '../rabbitmq/broker';
import type { Tracing } from '../telemetry/tracing';
import { isAuditEvent } from './cloud-event';
import { LanesRelay } from './lanes.relay';
import { auditLane } from './outbox';
import { type Backlog, findWaitingLanes, type PendingEvent, readBacklog } from './pending-events.repository';
import { RelayLoop } from './relay-loop';

const unroutableWarningIntervalMs = 60_000;
/** Auditors can wait: their events go out some at a time, and what tells of changes never waits for them. */
const auditGatheringMs = 100;

export interface OutboxRelayOptions {
  database: Database;
  broker: Broker;
  /** `catalog`: everything but UserCreated and UserDeactivated counts as published without being sent to others. */
  profile: 'full' | 'catalog';
  metrics: RelayMetrics;
  log: Logger;
  /** Makes a span for each event under that of its change; none without it. */
  tracing?: Tracing | null;
  /** How often to look for what nobody woke it for; 500 unless told. */
  pollIntervalMs?: number;
  /** Is told, after the commit, which events went out, but for those to auditors. */
  onPublished?: (events: readonly PublishedEvent[]) => Promise<void>;
}

/** Of whom something was published, and the version of the user that it told of, if it told of one. */
export type PublishedEvent = Pick<PendingEvent, 'userId' | 'version'>;

/** What the relay counts. */
export interface RelayMetrics {
  eventsPublished: { inc(labels: { type: string; outcome: PublishOutcome | 'failed' }): void };
  eventsPublishDelay: { observe(seconds: number): void };
}

/**
 * Publishes committed events at least once, each user's in order, for as long as it runs: woken after each commit
 * of this process, and by a short poll for all others.
 * One leader per lane at a time: SKIP LOCKED would let two relays publish one user's events out of order.
 */
export class OutboxRelay {
  private readonly stopping = new AbortController();
  private readonly changes: RelayLoop;
  private readonly audits: RelayLoop;
  private polling: Promise<void> | undefined;
  /** The call of `onPublished` in progress. */
  private telling: Promise<void> = Promise.resolve();
  private waiting = false;
  private warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: OutboxRelayOptions) {
    this.changes = this.createLoop(0);
    this.audits = this.createLoop(auditGatheringMs);
  }

  /** There is something to publish in this lane. */
  wake = (lane: number): void => {
    if (!this.polling) return;
    (lane === auditLane ? this.audits : this.changes).wake(lane);
  };

  start(): void {
    this.polling ??= this.poll();
  }

  /** Finishes the waves in hand; what is not published by then waits for the next relay. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.polling;
    await Promise.all([this.changes.settle(), this.audits.settle()]);
    await this.telling;
  }

  /** @throws DatabaseUnavailableError */
  backlog(): Promise<Backlog> {
    return readBacklog(this.options.database);
  }

  private async poll(): Promise<void> {
    const { database, pollIntervalMs = 500 } = this.options;
    while (!this.stopping.signal.aborted) {
      try {
        for (const lane of await findWaitingLanes(database)) this.wake(lane);
      } catch (error) {
        this.reportWaiting(error);
      }
      await this.pause(pollIntervalMs);
    }
  }

  private createLoop(gatheringMs: number): RelayLoop {
    const { database, broker, profile, log, tracing = null } = this.options;
    return new RelayLoop({
      lanes: new LanesRelay({
        database,
        broker,
        profile,
        log,
        tracing,
        onAttempt: (event, outcome) => this.count(event, outcome),
      }),
      gatheringMs,
      signal: this.stopping.signal,
      onPass: async ({ published }) => {
        if (published.length > 0) await this.reportPublished(published);
      },
      onFailure: (error) => this.reportWaiting(error),
    });
  }

  /** Tells while the next pass publishes; but one call at a time, as the listener may be slower. */
  private async reportPublished(events: readonly PendingEvent[]): Promise<void> {
    const { log, onPublished } = this.options;
    if (this.waiting) log.info('events are published again');
    this.waiting = false;
    // An audit event says nothing that the change itself did not.
    const changes = events.filter(({ type }) => !isAuditEvent(type));
    if (!onPublished || changes.length === 0) return;
    await this.telling;
    this.telling = onPublished(changes).catch((error: unknown) =>
      log.warn({ err: error }, 'what was published could not be passed on'),
    );
  }

  private reportWaiting(error: unknown): void {
    if (!this.waiting) this.options.log.warn({ err: error }, 'events wait: they could not be published');
    this.waiting = true;
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
    log.warn({ type }, 'no queue is bound for an event; republish serves whoever binds later');
  }

  private async pause(durationMs: number): Promise<void> {
    await delay(durationMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }
}
