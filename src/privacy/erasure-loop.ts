import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { KeysetPosition } from '../postgres/keyset';
import type { Erasures } from './erasures';

const pageSize = 10;

export interface ErasureLoopOptions {
  erasures: Erasures;
  log: Logger;
  /** How often to check for incomplete erasures, in milliseconds; defaults to 1,000. */
  pollIntervalMs?: number;
}

/** Continues incomplete erasures, also those that other replicas started. Safe on any number of replicas. */
export class ErasureLoop {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(private readonly options: ErasureLoopOptions) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Resolves when the current batch is finished. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { pollIntervalMs = 1_000 } = this.options;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.pass();
      await delay(pollIntervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Continues every incomplete erasure once. A failing erasure does not stop the pass. */
  private async pass(): Promise<void> {
    const { erasures, log } = this.options;
    const { signal } = this.stopping;
    let failed = 0;
    let first: { erasureId?: string; err: unknown } | undefined;
    try {
      for await (const id of this.incompleteIds()) {
        try {
          while (!signal.aborted && (await erasures.advance(id)));
        } catch (err) {
          // Also for an unavailable database: this erasure may be the cause. Otherwise reading the next page fails and ends the pass.
          failed += 1;
          first ??= { erasureId: id, err };
        }
      }
    } catch (err) {
      first ??= { err };
    }
    if (first) log.warn(failed > 0 ? { failed, ...first } : first, 'could not continue erasures');
  }

  /** Yields the id of each incomplete erasure once, also after an earlier one has failed. */
  private async *incompleteIds(): AsyncGenerator<string> {
    const { signal } = this.stopping;
    let last: KeysetPosition | undefined;
    for (let count = pageSize; count === pageSize && !signal.aborted; ) {
      const page = await this.options.erasures.findRunning(pageSize, last);
      for (const { id } of page) {
        if (signal.aborted) return;
        yield id;
      }
      count = page.length;
      last = page.at(-1);
    }
  }
}
