import { Wakeups } from '../../src/wakeups';

it('Wakeups wakes the relay of the lane, and releases events that wait for the user or the orders', () => {
  const wakeups = new Wakeups();
  const calls: unknown[][] = [];
  wakeups.eventsCommitted(1);
  wakeups.userKnown('u');
  wakeups.ordersKnown(['o']);
  wakeups.relay = { wake: (...given) => void calls.push(['wake', ...given]) };
  wakeups.waiting = { release: (...given) => void calls.push(['release', ...given]) };
  wakeups.eventsCommitted(3);
  wakeups.userKnown('u');
  wakeups.ordersKnown(['o', 'p']);
  expect(calls).toEqual([
    ['wake', 3],
    ['release', 'user', ['u']],
    ['release', 'order', ['o', 'p']],
  ]);
});
