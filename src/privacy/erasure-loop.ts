import type { Logger } from 'pino';
import type { KeysetPosition } from '../postgres/keyset';
import { PeriodicLoop } from '../scheduling/periodic-loop';
import type { Erasures } from './erasures';

const pageSize = 10;

export interface ErasureLoopOptions {
  erasures: Erasures;
  metrics: { erasureFailures: { inc(): void } };
  log: Logger;
  /** How often to check for incomplete erasures, in milliseconds; defaults to 1,000. */
  pollIntervalMs?: number;
}

/** A loop that continues incomplete erasures, also those that other replicas started. Safe on any number of replicas. */
export function createErasureLoop({
  erasures,
  metrics,
  log,
  pollIntervalMs = 1_000,
}: ErasureLoopOptions): PeriodicLoop {
  const warn = (failure: object) => log.warn(failure, 'could not continue erasures');
  return new PeriodicLoop({
    intervalMs: pollIntervalMs,
    startsImmediately: true,
    async work(signal) {
      const failures = await advanceAll(erasures, signal);
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

/** Continues every incomplete erasure once. A failing erasure does not stop the pass. */
async function advanceAll(erasures: Erasures, signal: AbortSignal): Promise<Failure[]> {
  const failures: Failure[] = [];
  try {
    for await (const erasureId of incompleteIds(erasures, signal)) {
      try {
        while (!signal.aborted && (await erasures.advance(erasureId)));
      } catch (err) {
        // Also for an unavailable database: this erasure may be the cause. Otherwise reading the next page fails and ends the pass.
        failures.push({ erasureId, err });
      }
    }
  } catch (error) {
    if (failures.length === 0) throw error;
  }
  return failures;
}

/** Yields the id of each incomplete erasure once, also after an earlier one has failed. */
async function* incompleteIds(erasures: Erasures, signal: AbortSignal): AsyncGenerator<string> {
  let last: KeysetPosition | undefined;
  for (let count = pageSize; count === pageSize && !signal.aborted; ) {
    const page = await erasures.findRunning(pageSize, last);
    for (const { id } of page) {
      if (signal.aborted) return;
      yield id;
    }
    count = page.length;
    last = page.at(-1);
  }
}
