import type { UserActivityRepository } from '../../../src/activity/user-activity.repository';
import { type CommerceFold, UnfoldableEventError } from '../../../src/commerce/commerce-fold';
import { HistoryConsumer } from '../../../src/consumers/history.consumer';
import type { DeliveryAttemptsRepository } from '../../../src/parked/delivery-attempts.repository';
import type { MessageToPark } from '../../../src/parked/message-to-park';
import type { ParkedMessagesRepository } from '../../../src/parked/parked-messages.repository';
import { fingerprintOf } from '../../../src/parked/wire-message';
import type { Broker, Delivery, IncomingMessage, SubscriptionOptions } from '../../../src/rabbitmq/broker';
import type { Tracing } from '../../../src/telemetry/tracing';
import { message, order, structured, userId } from '../../testkit/inbound-messages';

const deliver = (it: IncomingMessage, more: Partial<Delivery> = {}): Delivery => ({
  ...it,
  queue: 'q',
  redelivered: false,
  deliveryCount: 0,
  ...more,
});
const signIn = structured({ userId }, { type: 'UserAuthenticated', time: '2026-03-01T10:00:00Z' });
const unknown = structured({}, { type: 'Nonsense' });

/** A consumer over collaborators that record their calls. `fails` names the calls that throw. */
function build(fails: string[] = []) {
  const calls: string[] = [];
  const parked: MessageToPark[] = [];
  const spans: unknown[] = [];
  const attempts = new Map<string, number>();
  const subscriptions: SubscriptionOptions[] = [];
  const call = (what: string) => {
    if (fails.includes(what)) throw new Error(what);
    calls.push(what);
  };
  const consumer = new HistoryConsumer({
    activity: {
      recordSignIns: async (signIns: readonly unknown[]) => {
        if (signIns.length > 0) call('sign in');
      },
    } as unknown as UserActivityRepository,
    fold: {
      fold: async (events: readonly { eventId: string }[]) => {
        if (events.length > 0) call('fold');
        return events.map(({ eventId }) =>
          eventId === 'bad' ? new UnfoldableEventError('CANNOT_BE_FOLDED', 'rejected') : 'folded',
        );
      },
      countIfDuplicate: async () => false,
    } as unknown as CommerceFold,
    parked: {
      park: async (messages: readonly MessageToPark[]) => {
        if (messages.length > 0) call('park');
        parked.push(...messages);
      },
      parkDigest: async () => call('park digest'),
    } as unknown as ParkedMessagesRepository,
    attempts: {
      beginBatch: async (fingerprints: readonly string[]) => {
        const unsuspected = fingerprints.filter((it) => !attempts.has(it));
        for (const it of unsuspected) attempts.set(it, 0);
        return unsuspected;
      },
      beginAlone: async (fingerprint: string) => {
        const attempt = (attempts.get(fingerprint) ?? 0) + 1;
        attempts.set(fingerprint, attempt);
        calls.push(`attempt ${attempt}`);
        return attempt;
      },
      end: async (fingerprints: readonly string[]) => {
        for (const it of fingerprints) attempts.delete(it);
      },
    } as unknown as DeliveryAttemptsRepository,
    tracing: {
      startSpan: ({ parent, attributes }: { parent: string | null; attributes: Record<string, string> }) => ({
        end: (end: { failed: boolean; attributes: object }) =>
          spans.push({ parent, type: attributes['messaging.message.type'], ...end }),
      }),
    } as unknown as Tracing,
    metrics: {
      eventsFolded: {
        inc: ({ type, result }, count = 1) => void (count > 0 && calls.push(`${type} ${result} ${count}`)),
      },
      consumerBatchSize: { observe: (messages) => void calls.push(`batch of ${messages}`) },
    },
  });
  const broker: Partial<Broker> = {
    subscribe: (options) => {
      subscriptions.push(options);
      const seconds = subscriptions.length * 10;
      return { blockedSeconds: () => seconds, stop: async () => undefined };
    },
  };
  return { consumer, calls, parked, spans, attempts, fails, subscriptions, broker: broker as Broker };
}

describe('HistoryConsumer', () => {
  it('counts sign-ins once they are recorded, and parked messages by a known type', async () => {
    const { consumer, calls, fails } = build(['sign in']);
    const deliveries = [
      deliver(signIn),
      deliver(unknown),
      deliver(structured({}, { type: 'OrderPlaced' })),
      deliver(structured(order), { redelivered: true }),
    ];
    await expect(consumer.consume(deliveries)).rejects.toThrow('sign in');
    expect(calls.splice(0)).toEqual(['batch of 4']);
    fails.pop();
    await consumer.consume(deliveries);
    expect(calls).toEqual([
      'batch of 4',
      'sign in',
      'UserAuthenticated folded 1',
      'other parked 1',
      'OrderPlaced parked 1',
      'park',
      'fold',
    ]);
  });

  it('parks messages with the fields that could be read, and the number of their delivery', async () => {
    const { consumer, parked } = build();
    await consumer.consume([
      deliver(structured(order, { id: 'bad' }), { deliveryCount: 2 }),
      deliver(structured({ customerId: userId.toUpperCase() }, { type: 'Nonsense' }), { deliveryCount: 4 }),
      deliver(message('no JSON', { type: 'T', messageId: 'm' })),
    ]);
    const shown = parked.map((it) =>
      [it.reason, it.type, it.source, it.eventId, it.userId, it.attempts].map(String),
    );
    expect(shown).toEqual([
      ['UNKNOWN_TYPE', 'Nonsense', '/orders', 'e-1', userId, '5'],
      ['INVALID_JSON', 'T', 'order.events', 'm', 'undefined', '1'],
      ['CANNOT_BE_FOLDED', 'OrderPlaced', '/orders', 'bad', userId, '3'],
    ]);
  });

  it('ends each span with the outcome of its message, and as failed when the batch fails', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const deliveries = [
      deliver(structured(order, { traceparent })),
      deliver(structured(order, { id: 'bad' })),
      deliver(signIn),
      deliver(unknown),
    ];
    const { consumer, spans, fails } = build();
    await consumer.consume(deliveries);
    const ended = (type: string | undefined, outcome: string, parent: string | null = null) => ({
      parent,
      type,
      failed: outcome === 'failed',
      attributes: { outcome },
    });
    expect(spans.splice(0)).toEqual([
      ended('OrderPlaced', 'folded', traceparent),
      ended('OrderPlaced', 'parked'),
      ended(undefined, 'folded'),
      ended(undefined, 'parked'),
    ]);
    fails.push('fold');
    await expect(consumer.consume([deliver(structured(order))])).rejects.toThrow('fold');
    expect(spans).toEqual([ended('OrderPlaced', 'failed')]);
  });

  it('reads the number of attempts again after an attempt that succeeded', async () => {
    const { consumer, calls, attempts } = build();
    const again = deliver(structured(order), { redelivered: true });
    await consumer.consume([again]);
    expect(attempts.size).toBe(0);
    // Another process received the message and crashed twice.
    attempts.set(fingerprintOf(again), 2);
    await consumer.consume([again]);
    expect(calls.slice(-2)).toEqual(['attempt 3', 'park']);
    expect(attempts.size).toBe(0);
  });

  it('counts no other attempt of a message in hand when it forgets messages of other processes', async () => {
    const { consumer, calls, attempts, fails } = build(['fold']);
    const redelivered = (id: string) => deliver(structured(order, { id }), { redelivered: true });
    const others = Array.from({ length: 10_000 }, (_, at) => redelivered(`other ${at}`));
    await expect(consumer.consume(others)).rejects.toThrow('fold');
    const suspect = redelivered('suspect');
    attempts.set(fingerprintOf(suspect), 0);
    await expect(consumer.consume([suspect])).rejects.toThrow('fold');
    fails.pop();
    calls.length = 0;
    await consumer.consume([redelivered('new'), suspect]);
    expect(calls.filter((call) => call.startsWith('attempt'))).toEqual([]);
    // The first of the others is forgotten.
    attempts.delete(fingerprintOf(suspect));
    await consumer.consume(others.slice(0, 1));
    expect(calls.filter((call) => call.startsWith('attempt'))).toEqual(['attempt 1']);
  });

  it('parks dead letters whole up to the 20th delivery, then their digest', async () => {
    const { consumer, calls, parked, subscriptions, broker } = build();
    consumer.start(broker);
    const deliveries = [19, 20].map((deliveryCount) => deliver(structured(order), { deliveryCount }));
    await subscriptions[1]?.onBatch(deliveries);
    expect(calls).toEqual(['park', 'park digest']);
    expect(parked.map(({ reason, attempts }) => [reason, attempts])).toEqual([['DELIVERY_LIMIT', 20]]);
    expect(consumer.blockedSeconds()).toBe(20);
  });
});
