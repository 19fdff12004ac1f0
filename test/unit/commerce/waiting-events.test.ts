import type { CommerceFold } from '../../../src/commerce/commerce-fold';
import { WaitingEvents } from '../../../src/commerce/waiting-events';
import type { WaitingEventsRepository } from '../../../src/commerce/waiting-events.repository';
import type { ParkedMessagesRepository } from '../../../src/parked/parked-messages.repository';
import type { Database } from '../../../src/postgres/database';
import { createLogger } from '../../../src/telemetry/logger';

describe('WaitingEvents', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  // The repository is a stand-in: two minutes of sweeps need a fake clock, which PostgreSQL does not share.
  it('sweeps every second, and checks all events at the first sweep and every 60th after it', async () => {
    const sweeps: string[] = [];
    const waiting: Partial<WaitingEventsRepository> = {
      findRecentReleasable: async () => {
        sweeps.push('recent');
        return [];
      },
      async *findReleasable() {
        sweeps.push('all');
        yield [];
      },
      lockExpired: async () => [],
    };
    const events = new WaitingEvents({
      database: { transaction: (work: (tx: object) => unknown) => work({}) } as unknown as Database,
      waiting: waiting as WaitingEventsRepository,
      parked: {} as ParkedMessagesRepository,
      fold: {} as CommerceFold,
      waitingDays: 30,
      log: createLogger({ level: 'silent' }),
    });
    events.start();
    await jest.advanceTimersByTimeAsync(121_500);
    await events.stop();
    expect(sweeps).toHaveLength(121);
    expect(sweeps.flatMap((which, at) => (which === 'all' ? [at] : []))).toEqual([0, 60, 120]);
  });
});
