import type { Transaction } from '../postgres/database';
import { insertRows, type Write, writeTogether } from '../postgres/write';
import { isAuditEvent } from './cloud-event';
import { OutboxEvent } from './outbox-event.entity';

/** How many relay leaders can work at once. Changing it while events wait may part a user's events. */
export const laneCount = 4;
/** Apart from all others: reading must not delay what tells of changes. */
export const auditLane = 100;

/** What a change says to the world; `id` is the event's identity for ever. */
export type NewOutboxEvent = Pick<
  OutboxEvent,
  'id' | 'userId' | 'version' | 'type' | 'data' | 'occurredAt' | 'traceparent'
>;

/** The door out: events are committed with their change, and published by the relay alone. */
export class Outbox {
  /** @param wake tells the relay of this process that there is something to publish in a lane */
  constructor(private readonly wake: (lane: number) => void = () => undefined) {}

  /** Writes events in the caller's transaction, so that they are published if and only if it commits. */
  async append(tx: Transaction, ...events: readonly NewOutboxEvent[]): Promise<void> {
    await writeTogether(tx, this.appending(tx, ...events));
  }

  /** The same, to be written by the caller in this transaction together with what the events tell of. */
  appending(tx: Transaction, ...events: readonly NewOutboxEvent[]): Write {
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

/** The lane of a user: FNV-1a over the id, as ids that are brought in may be anything but random. */
export function laneOf(userId: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < userId.length; at += 1)
    hash = Math.imul(hash ^ userId.charCodeAt(at), 0x01000193) >>> 0;
  return hash % laneCount;
}
