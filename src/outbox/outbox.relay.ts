import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from '../postgres/database';
import type { Broker, PublishOutcome } from '../rabbitmq/broker';
import type { Tracing } from '../telemetry/tracing';
import { LanesRelay } from './lanes.relay';
import { type Backlog, findWaitingLanes, type PendingEvent, readBacklog } from './pending-events.repository';

const unroutableWarningIntervalMs = 60_000;
const lastBackoffMs = 2_000;
/** How soon to look again at a lane that another relay leads; the poll comes anyway. */
const busyRetryMs = 20;

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
  /** Is told, after the commit, whose events went out. */
  onPublished?: (userIds: string[]) => Promise<void>;
}

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
  private readonly lanes: LanesRelay;
  /** Lanes in which there may be something to publish. */
  private readonly woken = new Set<number>();
  /** Lanes that were busy, and are looked at again soon. */
  private readonly retried = new Set<number>();
  private readonly stopping = new AbortController();
  private polling: Promise<void> | undefined;
  private running: Promise<void> | undefined;
  /** The call of `onPublished` in progress. */
  private telling: Promise<void> = Promise.resolve();
  private waiting = false;
  private warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: OutboxRelayOptions) {
    const { database, broker, profile, log, tracing = null } = options;
    this.lanes = new LanesRelay({
      database,
      broker,
      profile,
      log,
      tracing,
      onAttempt: (event, outcome) => this.count(event, outcome),
    });
  }

  /** There is something to publish in this lane. */
  wake = (lane: number): void => {
    if (!this.polling || this.stopping.signal.aborted) return;
    this.woken.add(lane);
    this.running ??= this.run();
  };

  start(): void {
    this.polling ??= this.poll();
  }

  /** Finishes the waves in hand; what is not published by then waits for the next relay. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.polling;
    await this.running;
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

  /** Passes over the woken lanes for as long as there are any; never rejects. */
  private async run(): Promise<void> {
    for (let failures = 0; this.woken.size > 0 && !this.stopping.signal.aborted; ) {
      // All at once: what a busy moment commits while a pass is on its way is one pass, not one for each event.
      const lanes = [...this.woken];
      this.woken.clear();
      try {
        const { publishedUserIds, unfinished, busy } = await this.lanes.publishPending(
          lanes,
          this.stopping.signal,
        );
        for (const lane of unfinished) this.woken.add(lane);
        for (const lane of busy) this.retrySoon(lane);
        if (publishedUserIds.length > 0) await this.reportPublished(publishedUserIds);
        failures = 0;
      } catch (error) {
        this.reportWaiting(error);
        failures += 1;
        for (const lane of lanes) this.woken.add(lane);
        await this.pause(Math.min(50 * 2 ** failures, lastBackoffMs));
      }
    }
    this.running = undefined;
  }

  private retrySoon(lane: number): void {
    if (this.retried.has(lane)) return;
    this.retried.add(lane);
    setTimeout(() => {
      this.wake(lane);
      this.retried.delete(lane);
    }, busyRetryMs).unref();
  }

  /** Tells while the next pass publishes; but one call at a time, as the listener may be slower. */
  private async reportPublished(userIds: string[]): Promise<void> {
    const { log, onPublished } = this.options;
    if (this.waiting) log.info('events are published again');
    this.waiting = false;
    if (!onPublished) return;
    await this.telling;
    this.telling = onPublished(userIds).catch((error: unknown) =>
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
