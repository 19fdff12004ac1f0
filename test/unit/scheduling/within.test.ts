import { TimeoutError, within } from '../../../src/scheduling/within';

const limitMs = 1_000;
const never = new Promise<never>(() => undefined);

describe('within', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('returns the value of a promise that resolves in time and leaves no timer behind', async () => {
    await expect(within(Promise.resolve(1), limitMs, 'late')).resolves.toBe(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('throws the error of a promise that rejects in time and leaves no timer behind', async () => {
    await expect(within(Promise.reject(new Error('refused')), limitMs, 'late')).rejects.toThrow('refused');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('throws a TimeoutError with the message after the limit and not before', async () => {
    const settled = jest.fn();
    within(never, limitMs, 'it took too long').catch(settled);
    await jest.advanceTimersByTimeAsync(limitMs - 1);
    expect(settled).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    expect(settled).toHaveBeenCalledWith(new TimeoutError('it took too long'));
  });

  it('throws the error of a function instead, which it calls after the limit only', async () => {
    const late = jest.fn(() => new RangeError('own'));
    const outcome = within(never, limitMs, late).catch((error: unknown) => error);
    expect(late).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(limitMs);
    await expect(outcome).resolves.toEqual(new RangeError('own'));
    expect(late).toHaveBeenCalledTimes(1);
  });
});
