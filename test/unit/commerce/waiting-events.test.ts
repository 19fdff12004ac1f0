import type { CommerceEvent } from '../../../src/commerce/commerce-event';
import {
  type CommerceFold,
  type FoldOutcome,
  UnfoldableEventError,
} from '../../../src/commerce/commerce-fold';
import { WaitingEvents } from '../../../src/commerce/waiting-events';
import type { WaitingEventsRepository } from '../../../src/commerce/waiting-events.repository';
import type { ParkedMessagesRepository } from '../../../src/parked/parked-messages.repository';
import type { Database, Transaction } from '../../../src/postgres/database';
import { createLogger } from '../../../src/telemetry/logger';

const batchSize = 200;
const points = (eventId: string): CommerceEvent => ({
  type: 'LoyaltyPointsEarned',
  source: '/loyalty',
  eventId,
  occurredAt: new Date('2026-03-01T10:00:00Z'),
  userId: '01975a5e-1111-7000-8000-0000000000ad',
  points: 5,
  orderId: null,
  reason: null,
});
const batchOf = (length: number) => Array.from({ length }, (_, at) => points(String(at)));

/** Waiting events over collaborators that record their calls. */
function build({
  found = () => [],
  expired = [],
  fold = async (events) => events.map(() => 'folded'),
}: {
  found?: (search: string) => CommerceEvent[];
  expired?: CommerceEvent[][];
  fold?: (events: readonly CommerceEvent[]) => Promise<(FoldOutcome | UnfoldableEventError)[]>;
} = {}) {
  const calls: string[] = [];
  const parked: unknown[] = [];
  const search = (what: string) => {
    calls.push(what);
    return found(what);
  };
  const waiting: Partial<WaitingEventsRepository> = {
    findByReferents: async (what, ids) => search(`${what} ${ids.join()}`),
    findRecentReleasable: async () => search('recent'),
    async *findReleasable() {
      yield search('all');
    },
    lockExpired: async () => expired.shift() ?? [],
    remove: async (_tx, events) => void calls.push(`remove ${events.length}`),
  };
  const events = new WaitingEvents({
    database: { transaction: (work: (tx: Transaction) => unknown) => work({} as Transaction) } as Database,
    waiting: waiting as WaitingEventsRepository,
    parked: {
      parkIn: async (_tx: Transaction, messages: readonly unknown[]) => void parked.push(...messages),
    } as unknown as ParkedMessagesRepository,
    fold: { fold } as unknown as CommerceFold,
    waitingDays: 30,
    log: createLogger({ level: 'silent' }),
  });
  return { events, calls, parked };
}

describe('WaitingEvents', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('sweeps every second, and checks all events at the first sweep and every 60th after it', async () => {
    const { events, calls } = build();
    events.start();
    await jest.advanceTimersByTimeAsync(121_500);
    await events.stop();
    expect(calls).toHaveLength(121);
    expect(calls.flatMap((what, at) => (what === 'all' ? [at] : []))).toEqual([0, 60, 120]);
  });

  it.each([
    ['user', 'c'],
    ['order', 'd'],
  ] as const)('folds the %s that arrived during the work for earlier arrivals', async (what, id) => {
    // The time of gathering is a timer that jest cannot advance.
    jest.useRealTimers();
    const { events, calls } = build({
      found: (search) => {
        if (search === 'order b') events.release(what, [id]);
        return [];
      },
    });
    events.release('order', ['b']);
    events.release('user', ['a']);
    await events.drain();
    expect(calls).toEqual(['user a', 'order b', `${what} ${id}`]);
  });

  it('folds a next batch after a full one, unless all of it still waits', async () => {
    const full = batchOf(batchSize);
    const outcomes: FoldOutcome[] = ['folded', 'waiting', 'waiting'];
    const { events, calls } = build({
      found: () => full,
      fold: async () => {
        const outcome = outcomes.shift() ?? 'folded';
        return full.map((_, at): FoldOutcome => (at === 0 && outcomes.length === 1 ? 'folded' : outcome));
      },
    });
    await events.sweep('recent');
    expect(calls).toEqual(['recent', 'recent', 'recent']);
  });

  it('parks all expired events, batch after batch', async () => {
    const { events, calls, parked } = build({
      expired: [batchOf(batchSize), batchOf(batchSize), batchOf(1)],
    });
    await events.sweep('all');
    expect(parked).toHaveLength(2 * batchSize + 1);
    expect(calls).toEqual(['all', 'remove 200', 'remove 200', 'remove 1']);
    expect(parked.at(-1)).toMatchObject({ reason: 'EXPIRED', eventId: '0', attempts: 1 });
  });

  it('parks and removes events that cannot be folded, with their reason', async () => {
    const refused = new UnfoldableEventError('ORDER_OF_ANOTHER_USER', 'of another user');
    const { events, calls, parked } = build({
      found: () => [points('good'), points('bad')],
      fold: async () => ['folded', refused],
    });
    await events.sweep('recent');
    expect(parked).toEqual([
      expect.objectContaining({
        reason: 'ORDER_OF_ANOTHER_USER',
        detail: 'of another user',
        type: 'LoyaltyPointsEarned',
        source: '/loyalty',
        eventId: 'bad',
        userId: '01975a5e-1111-7000-8000-0000000000ad',
      }),
    ]);
    expect(calls).toEqual(['recent', 'remove 1']);
  });
});
