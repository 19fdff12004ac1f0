import { auditLane, laneOf, type NewOutboxEvent, Outbox } from '../../../src/outbox/outbox';

const [one, other] = ['01975a5e-1111-7000-8000-0000000000aa', '01975a5e-1111-7000-8000-0000000000ab'];
const event = (userId: string, type: string): NewOutboxEvent => ({
  id: '01975a5e-2222-7000-8000-0000000000ad',
  userId,
  version: 1,
  type,
  data: {},
  occurredAt: new Date(),
  traceparent: null,
});

describe('Outbox', () => {
  it('wakes each lane that has new events, once, and only after the commit', () => {
    expect(laneOf(one)).not.toBe(laneOf(other));
    const woken: number[] = [];
    const committed: (() => unknown)[] = [];
    const outbox = new Outbox((lane) => void woken.push(lane));
    outbox.appendWrite(
      { afterCommit: (callback) => void committed.push(callback) },
      event(one, 'UserUpdated'),
      event(one, 'UserDeactivated'),
      event(other, 'UserUpdated'),
      event(one, 'UserDataChanged'),
    );
    expect(woken).toEqual([]);
    for (const callback of committed) void callback();
    expect(woken).toHaveLength(3);
    expect(new Set(woken)).toEqual(new Set([laneOf(one), laneOf(other), auditLane]));
  });
});
