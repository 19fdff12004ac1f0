import { createMetrics } from '../../../src/telemetry/metrics';
import { Sample } from '../../../src/telemetry/sample';

const state = { count: 3, oldestSeconds: 1.5 };

describe('Sample', () => {
  it('read queries once for concurrent readers', async () => {
    const source = jest.fn(async () => state);
    const sample = new Sample(source, 2_000);
    expect(await Promise.all([sample.read(), sample.read(), sample.read()])).toEqual([state, state, state]);
    expect(source).toHaveBeenCalledTimes(1);
  });

  it('read queries again after the time for which a sample is fresh', async () => {
    jest.useFakeTimers();
    const source = jest.fn(async () => state);
    const sample = new Sample(source, 2_000);
    await sample.read();
    jest.advanceTimersByTime(2_000);
    await sample.read();
    expect(source).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(1);
    await sample.read();
    expect(source).toHaveBeenCalledTimes(2);
    jest.advanceTimersByTime(2_000);
    await sample.read();
    expect(source).toHaveBeenCalledTimes(2);
    jest.useRealTimers();
  });

  it.each([
    ['fails', () => Promise.reject(new Error('unavailable'))],
    ['does not respond', () => new Promise<never>(() => undefined)],
  ])('metrics omit only the gauges of stored data when the database %s', async (_, source) => {
    const metrics = createMetrics();
    metrics.watchStored('outbox', async () => state);
    metrics.watchStored('users', async () => ({ ACTIVE: 2 }));
    const before = await metrics.registry.metrics();
    expect(before).toContain('\nuser_service_outbox_pending 3\n');
    expect(before).toContain('\nuser_service_users{status="ACTIVE"} 2\n');
    metrics.watchStored('outbox', source);
    metrics.watchStored('users', source);
    const text = await metrics.registry.metrics();
    expect(text).not.toMatch(/^user_service_(outbox_|users)/m);
    expect(text).toContain('user_service_intake_blocked_seconds 0');
  });

  it('metrics report the count and the age of the oldest record of each backlog', async () => {
    const { registry, watchStored } = createMetrics();
    const names = ['outbox', 'waiting', 'erasures', 'unsealed', 'parked'] as const;
    for (const [at, name] of names.entries())
      watchStored(name, async () => ({ count: 10 + at, oldestSeconds: 20 + at }));
    const text = await registry.metrics();
    const reported = [...text.matchAll(/^user_service_(\w+) (1[0-4]|2[0-4])$/gm)];
    expect(Object.fromEntries(reported.map(([, name, value]) => [name, Number(value)]))).toEqual({
      outbox_pending: 10,
      outbox_oldest_seconds: 20,
      waiting_events: 11,
      waiting_events_oldest_age_seconds: 21,
      erasures_running: 12,
      erasures_oldest_seconds: 22,
      audit_unsealed_entries: 13,
      audit_seal_lag_seconds: 23,
      parked_messages: 14,
    });
  });

  it('metrics omit a status that no user has any more', async () => {
    jest.useFakeTimers();
    const metrics = createMetrics();
    let users: Record<string, number> = { ACTIVE: 2, PENDING: 1 };
    metrics.watchStored('users', async () => users);
    expect(await metrics.registry.metrics()).toContain('user_service_users{status="PENDING"} 1');
    users = { ACTIVE: 3 };
    jest.advanceTimersByTime(60_001);
    const text = await metrics.registry.metrics();
    expect(text).toContain('user_service_users{status="ACTIVE"} 3');
    expect(text).not.toContain('PENDING');
    jest.useRealTimers();
  });
});
