import { DeliveryBatches } from '../../../src/rabbitmq/delivery-batches';
import { createLogger } from '../../../src/telemetry/logger';

interface Call {
  readonly names: string[];
  readonly end: (error?: Error) => Promise<void>;
}

/** Batches of two whose processing a test ends. A name with `!` is that of a redelivered message. */
function build(parallelBatches: number, log = createLogger({ level: 'silent' })) {
  const calls: Call[] = [];
  const acknowledged: string[][] = [];
  const turn = async () => {
    for (let at = 0; at < 3; at += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  };
  const batches = new DeliveryBatches<{ delivery: any }>({
    queue: 'tested',
    batchSize: 2,
    parallelBatches,
    log,
    onBatch: (deliveries) =>
      new Promise<void>((resolve, reject) => {
        calls.push({
          names: deliveries.map(({ body }) => String(body)),
          end: async (error) => {
            if (error) reject(error);
            else resolve();
            await turn();
          },
        });
      }),
    acknowledge: (batch) => void acknowledged.push(batch.map(({ delivery }) => delivery.body)),
  });
  const add = async (...names: string[]) => {
    for (const body of names) batches.add({ delivery: { body, redelivered: body.endsWith('!') } });
    await turn();
  };
  return { batches, calls, acknowledged, add, started: () => calls.map(({ names }) => names.join('')) };
}

function until(isTrue: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const poll = setInterval(() => {
      if (!isTrue()) return;
      clearInterval(poll);
      resolve();
    }, 5);
  });
}

describe('DeliveryBatches', () => {
  it('process as many batches concurrently as allowed, and acknowledge them in order of arrival', async () => {
    const { add, calls, started, acknowledged } = build(2);
    await add('a', 'b', 'c', 'd', 'e');
    expect(started()).toEqual(['ab', 'cd']);
    await calls[1]?.end();
    expect(acknowledged).toEqual([]);
    expect(started()).toEqual(['ab', 'cd']);
    await calls[0]?.end();
    expect(acknowledged).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(started()).toEqual(['ab', 'cd', 'e']);
  });

  it('process one batch at a time by default', async () => {
    const { add, calls, started } = build(1);
    await add('a', 'b', 'c');
    expect(started()).toEqual(['ab']);
    await calls[0]?.end();
    expect(started()).toEqual(['ab', 'c']);
  });

  it('process a batch with a redelivered message alone', async () => {
    const { add, calls, started } = build(2);
    await add('a', 'b', 'c', 'd!', 'e', 'f');
    expect(started()).toEqual(['ab']);
    await calls[0]?.end();
    expect(started()).toEqual(['ab', 'cd!']);
    await calls[1]?.end();
    expect(started()).toEqual(['ab', 'cd!', 'ef']);
  });

  it('acknowledge no batch that was forgotten, and process later ones', async () => {
    const { batches, add, calls, started, acknowledged } = build(2);
    await add('a', 'b', 'c', 'd', 'e');
    batches.forget();
    await add('f');
    for (const call of [...calls].reverse()) await call.end();
    await calls[2]?.end();
    expect(started()).toEqual(['ab', 'cd', 'f']);
    expect(acknowledged).toEqual([['f']]);
  });

  it.each([
    ['a reconnection', 1],
    ['two reconnections', 2],
  ])('acknowledge no batch that waited for an earlier one before %s', async (_name, reconnections) => {
    const { batches, add, calls, acknowledged } = build(3);
    await add('a', 'b', 'c', 'd', 'e', 'f');
    await calls[2]?.end();
    for (let at = 0; at < reconnections; at += 1) {
      batches.forget();
      await calls[at]?.end();
    }
    await calls[1]?.end();
    await add('g');
    await calls[3]?.end();
    expect(acknowledged).toEqual([['g']]);
  });

  it('acknowledge no batch that waited for an earlier one before a reconnection while they stop', async () => {
    const { batches, add, calls, acknowledged } = build(2);
    await add('a', 'b', 'c', 'd');
    await calls[1]?.end();
    const stopping = batches.stop();
    batches.forget();
    await calls[0]?.end();
    await stopping;
    expect(acknowledged).toEqual([]);
  });

  it('retry a batch that fails before they acknowledge it and the next', async () => {
    const { add, batches, calls, acknowledged } = build(2);
    await add('a', 'b', 'c', 'd');
    await calls[1]?.end();
    await calls[0]?.end(new Error('refused'));
    expect(batches.blockedSeconds()).toBeGreaterThan(0);
    await until(() => calls.length === 3);
    expect(acknowledged).toEqual([]);
    await calls[2]?.end();
    expect(acknowledged).toHaveLength(2);
    expect(batches.blockedSeconds()).toBe(0);
  });

  it('report for how long the batch that failed first has been retried', async () => {
    const { add, batches, calls } = build(2);
    await add('a', 'b', 'c', 'd');
    const clock = jest.spyOn(performance, 'now');
    try {
      clock.mockReturnValue(1_000);
      await calls[1]?.end(new Error('refused'));
      clock.mockReturnValue(61_000);
      await calls[0]?.end(new Error('refused'));
      expect(batches.blockedSeconds()).toBe(60);
    } finally {
      clock.mockRestore();
      batches.forget();
    }
  });

  it('report no retries of a batch that waits for the acknowledgement of an earlier one', async () => {
    const { add, batches, calls } = build(2);
    await add('a', 'b', 'c', 'd');
    await calls[1]?.end(new Error('refused'));
    await until(() => calls.length === 3);
    await calls[2]?.end();
    expect(batches.blockedSeconds()).toBe(0);
    await calls[0]?.end();
  });

  it('log the end of retries, and no end of a batch that succeeds at the first attempt', async () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line).msg) };
    const { add, calls } = build(1, createLogger({ level: 'info', destination }));
    await add('a');
    await calls[0]?.end();
    await add('b');
    await calls[1]?.end(new Error('refused'));
    await until(() => calls.length === 3);
    await calls[2]?.end();
    expect(lines).toEqual([
      'a batch of deliveries failed and is retried',
      'a batch of deliveries was processed after retries',
    ]);
  });

  it('drop deliveries that arrive after stop', async () => {
    const { add, batches, started } = build(1);
    await batches.stop();
    await add('a');
    expect(started()).toEqual([]);
  });

  it('stop once the current batches end, and acknowledge them', async () => {
    const { add, batches, calls, started, acknowledged } = build(2);
    await add('a', 'b', 'c', 'd', 'e');
    let stopped = false;
    const stopping = batches.stop().then(() => {
      stopped = true;
    });
    await calls[0]?.end();
    expect(stopped).toBe(false);
    await calls[1]?.end();
    await stopping;
    expect(started()).toEqual(['ab', 'cd']);
    expect(acknowledged).toHaveLength(2);
  });
});
