import { RateLimit } from '../../../src/http/rate-limit';

it('RateLimit returns the seconds to wait for a key over its limit, and 0 for other keys', () => {
  let now = 1_000;
  const limit = new RateLimit(2, 60_000, () => now);
  expect([1, 2, 3].map(() => limit.secondsToWait('a'))).toEqual([0, 0, 60]);
  expect(limit.secondsToWait('b')).toBe(0);
  now += 59_999;
  expect(limit.secondsToWait('a')).toBe(1);
  // A second window, for each key.
  now += 1;
  expect(['a', 'b', 'a', 'b', 'a', 'b'].map((key) => limit.secondsToWait(key))).toEqual([0, 0, 0, 0, 60, 60]);
  now += 60_000;
  expect(limit.secondsToWait('b')).toBe(0);
});
