import type { Logger } from 'pino';
import type { KeysetPosition } from '../postgres/keyset';
import { PeriodicLoop } from '../scheduling/periodic-loop';
import type { Erasures } from './erasures';
import type { ScheduledErasures } from './scheduled-erasures';

const pageSize = 10;

export interface ErasureLoopOptions {
  erasures: Erasures;
  metrics: { erasureFailures: { inc(): void } };
  scheduledErasures: Pick<ScheduledErasures, 'findDue' | 'start'>;
  log: Logger;
  /** How often to check for incomplete erasures, in milliseconds; defaults to 1,000. */
  pollIntervalMs?: number;
}

/**
 * A loop that starts scheduled erasures that are due and continues incomplete ones, also those that other replicas
 * started. Safe on any number of replicas.
 */
export function createErasureLoop({
  erasures,
  metrics,
  scheduledErasures,
  log,
  pollIntervalMs = 1_000,
}: ErasureLoopOptions): PeriodicLoop {
  const warn = (failure: object) => log.warn(failure, 'could not continue erasures');
  return new PeriodicLoop({
    intervalMs: pollIntervalMs,
    startsImmediately: true,
    async work(signal) {
      const failures = [
        ...(await each(
          (limit, after) => scheduledErasures.findDue(limit, after),
          signal,
          (id) => scheduledErasures.start(id),
        )),
        ...(await each(
          (limit, after) => erasures.findRunning(limit, after),
          signal,
          async (id) => {
            while (!signal.aborted && (await erasures.advance(id)));
          },
        )),
      ];
      for (const _ of failures) metrics.erasureFailures.inc();
      if (failures.length > 0) warn({ failed: failures.length, ...failures[0] });
    },
    onFailure: (err) => warn({ err }),
  });
}

interface Failure {
  readonly erasureId: string;
  readonly err: unknown;
}

type FindPage = (limit: number, after: KeysetPosition | undefined) => Promise<KeysetPosition[]>;

/** Does the work for each erasure once. A failing erasure does not stop the pass. */
async function each(
  find: FindPage,
  signal: AbortSignal,
  work: (erasureId: string) => Promise<unknown>,
): Promise<Failure[]> {
  const failures: Failure[] = [];
  try {
    for await (const erasureId of idsOf(find, signal)) {
      try {
        await work(erasureId);
      } catch (err) {
        // Also for an unavailable database, because this erasure may be the cause. If not, reading the next page fails.
        failures.push({ erasureId, err });
      }
    }
  } catch (error) {
    if (failures.length === 0) throw error;
  }
  return failures;
}

/** Yields the id of each erasure once, also after an earlier one has failed. */
async function* idsOf(find: FindPage, signal: AbortSignal): AsyncGenerator<string> {
  let last: KeysetPosition | undefined;
  for (let count = pageSize; count === pageSize && !signal.aborted; ) {
    const page = await find(pageSize, last);
    for (const { id } of page) {
      if (signal.aborted) return;
      yield id;
    }
    count = page.length;
    last = page.at(-1);
  }
}
