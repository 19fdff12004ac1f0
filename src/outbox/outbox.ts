import type { Transaction } from '../postgres/database';
import { insertRows, type Write, writeTogether } from '../postgres/write';
import { isAuditEvent } from './cloud-event';
import { OutboxEvent } from './outbox-event.entity';

/**
 * How many relays can publish user events concurrently. Change it only while the outbox is empty: a user's pending
 * events would be in two lanes, and out of order.
 */
export const laneCount = 4;
/** The lane of audit events. Separate, because audited reads must not delay user events. */
export const auditLane = 100;

/** An event to publish. Its `id` stays the same when it is published again. */
export type NewOutboxEvent = Pick<
  OutboxEvent,
  'id' | 'userId' | 'version' | 'type' | 'data' | 'occurredAt' | 'traceparent'
>;

/** Writes events in the transaction of their change. Only the relay publishes them. */
export class Outbox {
  /** @param wake called after commit with each lane that has new events */
  constructor(private readonly wake: (lane: number) => void = () => undefined) {}

  /** Writes events in the caller's transaction: they are published if and only if it commits. */
  async append(tx: Transaction, ...events: readonly NewOutboxEvent[]): Promise<void> {
    await writeTogether(tx, this.appendWrite(tx, ...events));
  }

  /** Returns the write of `append`, for the caller to run in this transaction together with other writes. */
  appendWrite(tx: Pick<Transaction, 'afterCommit'>, ...events: readonly NewOutboxEvent[]): Write {
    const rows = events.map((event) => ({ ...event, lane: laneFor(event), publishedAt: null }));
    tx.afterCommit(() => {
      for (const lane of new Set(rows.map((row) => row.lane))) this.wake(lane);
    });
    return insertRows(OutboxEvent, rows);
  }
}

function laneFor({ type, userId }: NewOutboxEvent): number {
  return isAuditEvent(type) ? auditLane : laneOf(userId);
}

/** Returns a user's lane: FNV-1a over the whole id, because imported ids may have no random part. */
export function laneOf(userId: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < userId.length; at += 1)
    hash = Math.imul(hash ^ userId.charCodeAt(at), 0x01000193) >>> 0;
  return hash % laneCount;
}
