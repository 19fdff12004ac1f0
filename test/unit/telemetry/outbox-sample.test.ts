import { createMetrics } from '../../../src/telemetry/metrics';
import { OutboxSample } from '../../../src/telemetry/outbox-sample';

const state = { pending: 3, oldestSeconds: 1.5 };

describe('OutboxSample', () => {
  it('read queries once for concurrent readers', async () => {
    const source = jest.fn(async () => state);
    const sample = new OutboxSample();
    sample.watch(source);
    expect(await Promise.all([sample.read(), sample.read(), sample.read()])).toEqual([state, state, state]);
    expect(source).toHaveBeenCalledTimes(1);
  });

  it('read queries again after two seconds', async () => {
    jest.useFakeTimers();
    const source = jest.fn(async () => state);
    const sample = new OutboxSample();
    sample.watch(source);
    await sample.read();
    jest.advanceTimersByTime(2_001);
    await sample.read();
    expect(source).toHaveBeenCalledTimes(2);
    jest.useRealTimers();
  });

  it.each([
    ['fails', () => Promise.reject(new Error('unavailable'))],
    ['does not respond', () => new Promise<never>(() => undefined)],
  ])('metrics omit only the outbox gauges when the database %s', async (_, source) => {
    const metrics = createMetrics();
    metrics.watchOutbox(async () => state);
    expect(await metrics.registry.metrics()).toContain('\nuser_service_outbox_pending 3\n');
    const others = createMetrics();
    others.watchOutbox(source);
    const text = await others.registry.metrics();
    expect(text).not.toMatch(/^user_service_outbox_/m);
    expect(text).toContain('user_service_pool_connections');
  });
});
