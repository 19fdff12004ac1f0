import type { UserActivityRepository } from '../../../src/activity/user-activity.repository';
import type { CommerceFold } from '../../../src/commerce/commerce-fold';
import { HistoryConsumer } from '../../../src/consumers/history.consumer';
import type { DeliveryAttemptsRepository } from '../../../src/parked/delivery-attempts.repository';
import type { ParkedMessagesRepository } from '../../../src/parked/parked-messages.repository';
import { fingerprintOf } from '../../../src/parked/wire-message';
import type { Delivery } from '../../../src/rabbitmq/broker';
import { order, structured } from '../../testkit/inbound-messages';

const redelivered = (id: string): Delivery => ({
  ...structured(order, { id }),
  queue: 'q',
  redelivered: true,
  deliveryCount: 0,
});

/** A consumer over stand-ins for its repositories, because 10,000 messages take too long on PostgreSQL. */
function build() {
  const begun: number[] = [];
  const attempts = new Map<string, number>();
  const state = { fails: true };
  const consumer = new HistoryConsumer({
    activity: { recordSignIns: async () => undefined } as unknown as UserActivityRepository,
    fold: {
      fold: async (events: readonly unknown[]) => {
        if (state.fails && events.length > 0) throw new Error('fold');
        return events.map(() => 'folded');
      },
    } as unknown as CommerceFold,
    parked: { park: async () => undefined } as unknown as ParkedMessagesRepository,
    attempts: {
      beginBatch: async (fingerprints: readonly string[]) => {
        const unsuspected = fingerprints.filter((it) => !attempts.has(it));
        for (const it of unsuspected) attempts.set(it, 0);
        return unsuspected;
      },
      beginAlone: async (fingerprint: string) => {
        const attempt = (attempts.get(fingerprint) ?? 0) + 1;
        attempts.set(fingerprint, attempt);
        begun.push(attempt);
        return attempt;
      },
      end: async (fingerprints: readonly string[]) => {
        for (const it of fingerprints) attempts.delete(it);
      },
    } as unknown as DeliveryAttemptsRepository,
    metrics: { eventsFolded: { inc: () => undefined }, consumerBatchSize: { observe: () => undefined } },
  });
  return { consumer, begun, attempts, state };
}

describe('HistoryConsumer', () => {
  it('counts no other attempt of a message in hand when it forgets messages of other processes', async () => {
    const { consumer, begun, attempts, state } = build();
    const others = Array.from({ length: 10_000 }, (_, at) => redelivered(`other ${at}`));
    await expect(consumer.consume(others)).rejects.toThrow('fold');
    const suspect = redelivered('suspect');
    attempts.set(fingerprintOf(suspect), 0);
    await expect(consumer.consume([suspect])).rejects.toThrow('fold');
    state.fails = false;
    begun.length = 0;
    await consumer.consume([redelivered('new'), suspect]);
    expect(begun).toEqual([]);
    // The first of the others is forgotten.
    attempts.delete(fingerprintOf(suspect));
    await consumer.consume(others.slice(0, 1));
    expect(begun).toEqual([1]);
  });
});
