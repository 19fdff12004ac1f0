import { parallel } from '../../../src/scheduling/job';

it('parallel stops all jobs immediately and waits for every one of them', async () => {
  const calls: string[] = [];
  const finish = new Map<string, () => void>();
  const jobNamed = (name: string) => ({
    start: () => void calls.push(`${name} starts`),
    stop() {
      calls.push(`${name} stops`);
      return new Promise<void>((resolve) => finish.set(name, resolve));
    },
  });
  const jobs = parallel(['first', 'second', 'third'].map(jobNamed));
  jobs.start();
  let stopped = false;
  const stopping = jobs.stop().then(() => {
    stopped = true;
  });
  expect(calls).toEqual(
    ['starts', 'stops'].flatMap((what) => ['first', 'second', 'third'].map((name) => `${name} ${what}`)),
  );
  for (const name of ['third', 'first', 'second']) {
    await new Promise(setImmediate);
    expect(stopped).toBe(false);
    finish.get(name)?.();
  }
  await stopping;
});
