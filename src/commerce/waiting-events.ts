import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { MessageToPark, ParkReason } from '../parked/message-to-park';
import type { ParkedMessagesRepository } from '../parked/parked-messages.repository';
import type { Database } from '../postgres/database';
import { PeriodicLoop } from '../scheduling/periodic-loop';
import { type CommerceEvent, namesOnlyOrder, toCloudEvent } from './commerce-event';
import { type CommerceFold, type FoldOutcome, UnfoldableEventError } from './commerce-fold';
import type { Referent, WaitingEventsRepository } from './waiting-events.repository';

const batchSize = 200;
const sweepIntervalMs = 1_000;
/** How long arrivals are gathered. One query serves many of them, and usually finds no event that waits. */
const gatheringMs = 50;
/** The first sweep and every 60th after it check all waiting events; the others check those of the last minute. */
const sweepsPerFullSweep = 60;

export interface WaitingEventsOptions {
  readonly database: Database;
  readonly waiting: WaitingEventsRepository;
  readonly parked: ParkedMessagesRepository;
  readonly fold: CommerceFold;
  /** Days of waiting after which an event is parked. */
  readonly waitingDays: number;
  readonly log: Logger;
}

/** Folds waiting events once their user or order is known, and parks those that waited too long. */
export class WaitingEvents {
  private readonly arrived: Record<Referent, Set<string>> = { user: new Set(), order: new Set() };
  private running: Promise<void> | undefined;
  private sweeps = 0;
  private sweepIsDue = false;
  private stopped = false;

  private readonly sweeping = new PeriodicLoop({
    intervalMs: sweepIntervalMs,
    startsImmediately: false,
    work: async () => {
      this.sweepIsDue = true;
      this.work();
      await this.running;
    },
    onFailure: (error) => this.warn(error),
  });

  constructor(private readonly options: WaitingEventsOptions) {}

  /** Folds the events that wait for these users or orders, in the background. Call it once these are committed. */
  release(what: Referent, ids: readonly string[]): void {
    for (const id of ids) this.arrived[what].add(id);
    this.work();
  }

  /** Resolves when no background work of `release` or `start` is in progress. */
  async drain(): Promise<void> {
    while (this.running) await this.running;
  }

  /** Sweeps every second until `stop`, for users and orders that other replicas added, or that raced with an event. */
  start(): void {
    this.sweeping.start();
  }

  /** Stops after the current batch. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.sweeping.stop();
    await this.running;
  }

  /** Folds events whose user or order is known by now. A sweep of all also parks those that waited too long. */
  async sweep(which: 'recent' | 'all'): Promise<void> {
    const { waiting } = this.options;
    if (which === 'recent') return this.foldAll(() => waiting.findRecentReleasable(batchSize));
    for await (const events of waiting.findReleasable()) {
      for (let at = 0; at < events.length && !this.stopped; at += batchSize)
        await this.foldBatch(events.slice(at, at + batchSize));
      if (this.stopped) return;
    }
    while ((await this.parkExpired()) === batchSize) if (this.stopped) return;
  }

  private work(): void {
    if (this.stopped) return;
    this.running ??= this.run()
      .catch((error: unknown) => this.warn(error))
      .finally(() => {
        this.running = undefined;
        if (this.arrived.user.size + this.arrived.order.size > 0) this.work();
      });
  }

  private warn(error: unknown): void {
    this.options.log.warn({ err: error }, 'could not fold waiting events: retrying with the next sweep');
  }

  private async run(): Promise<void> {
    const { waiting } = this.options;
    if (!this.sweepIsDue) await delay(gatheringMs);
    for (const what of ['user', 'order'] as const) {
      const ids = [...this.arrived[what]];
      // Cleared before folding: if that fails, the sweep finds them.
      this.arrived[what].clear();
      if (ids.length > 0) await this.foldAll(() => waiting.findByReferents(what, ids, batchSize));
    }
    if (!this.sweepIsDue) return;
    this.sweepIsDue = false;
    this.sweeps += 1;
    await this.sweep(this.sweeps % sweepsPerFullSweep === 1 ? 'all' : 'recent');
  }

  private async foldAll(find: () => Promise<CommerceEvent[]>): Promise<void> {
    for (let batch = await find(); batch.length > 0 && !this.stopped; batch = await find()) {
      const results = await this.foldBatch(batch);
      // If all of them still wait, for example because their users were removed, `find` would return them again.
      if (batch.length < batchSize || results.every((result) => result === 'waiting')) return;
    }
  }

  private async foldBatch(batch: readonly CommerceEvent[]): Promise<(FoldOutcome | UnfoldableEventError)[]> {
    const { fold, waiting, parked, database } = this.options;
    const results = await fold.fold(batch, (tx, folded) => waiting.remove(tx, folded));
    const unfoldable = batch.flatMap((event, at) => {
      const result = results[at];
      return result instanceof UnfoldableEventError
        ? [{ event, reason: result.reason, detail: result.detail }]
        : [];
    });
    if (unfoldable.length === 0) return results;
    await database.transaction(async (tx) => {
      await parked.parkIn(
        tx,
        unfoldable.map(({ event, reason, detail }) => toParked(event, reason, detail)),
      );
      await waiting.remove(
        tx,
        unfoldable.map(({ event }) => event),
      );
    });
    return results;
  }

  private async parkExpired(): Promise<number> {
    const { database, waiting, parked, waitingDays } = this.options;
    return database.transaction(async (tx) => {
      const expired = await waiting.lockExpired(tx, waitingDays, batchSize);
      if (expired.length === 0) return 0;
      await parked.parkIn(
        tx,
        expired.map((event) => toParked(event, 'EXPIRED', 'its user or order is still unknown')),
      );
      await waiting.remove(tx, expired);
      return expired.length;
    });
  }
}

function toParked(event: CommerceEvent, reason: ParkReason, detail: string): MessageToPark {
  const { type, source, eventId } = event;
  const { exchange, routingKey, contentType, body } = toCloudEvent(event);
  return {
    message: {
      exchange,
      routingKey,
      body,
      properties: { messageId: eventId, type, contentType, headers: {} },
    },
    reason,
    detail,
    type,
    source,
    eventId,
    userId: namesOnlyOrder(event) ? undefined : event.userId,
    attempts: 1,
  };
}
