import { PeriodicJob, sideBySide } from '../../src/periodic-job';
import { createLogger } from '../../src/telemetry/logger';

const intervalMs = 1_000;

function startJob(work: () => Promise<unknown>) {
  const lines: string[] = [];
  const log = createLogger({
    level: 'warn',
    destination: { write: (line: string) => void lines.push(line) },
  });
  const job = new PeriodicJob({ intervalMs, onFailure: 'it could not be done', log, work });
  job.start();
  return { job, lines };
}

describe('a periodic job', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('does one pass at a time, and waits for the one in hand when it is stopped', async () => {
    const begun: (() => void)[] = [];
    const { job } = startJob(() => new Promise<void>((resolve) => begun.push(resolve)));
    await jest.advanceTimersByTimeAsync(3 * intervalMs);
    expect(begun).toHaveLength(1);
    begun[0]?.();
    await jest.advanceTimersByTimeAsync(intervalMs);
    expect(begun).toHaveLength(2);

    let stopped = false;
    const stopping = job.stop().then(() => {
      stopped = true;
    });
    await jest.advanceTimersByTimeAsync(3 * intervalMs);
    expect(stopped).toBe(false);
    begun[1]?.();
    await stopping;
    await jest.advanceTimersByTimeAsync(3 * intervalMs);
    expect(begun).toHaveLength(2);
  });

  it('tells of a pass that failed, and tries again', async () => {
    let tries = 0;
    const { job, lines } = startJob(async () => {
      tries += 1;
      throw new Error('away');
    });
    await jest.advanceTimersByTimeAsync(2 * intervalMs);
    expect(tries).toBe(2);
    await job.stop();
    expect(lines[0]).toContain('it could not be done');
  });
});

describe('jobs side by side', () => {
  it('hear of a stop all at once, which waits for every one of them', async () => {
    const told: string[] = [];
    const finish = new Map<string, () => void>();
    const jobNamed = (name: string) => ({
      start: () => void told.push(`${name} starts`),
      stop() {
        told.push(`${name} stops`);
        return new Promise<void>((resolve) => finish.set(name, resolve));
      },
    });
    const jobs = sideBySide(['first', 'second', 'third'].map(jobNamed));
    jobs.start();
    let stopped = false;
    const stopping = jobs.stop().then(() => {
      stopped = true;
    });
    expect(told).toEqual(
      ['starts', 'stops'].flatMap((what) => ['first', 'second', 'third'].map((name) => `${name} ${what}`)),
    );
    for (const name of ['third', 'first', 'second']) {
      await new Promise(setImmediate);
      expect(stopped).toBe(false);
      finish.get(name)?.();
    }
    await stopping;
  });
});
