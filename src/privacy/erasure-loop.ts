import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { KeysetPosition } from '../postgres/keyset';
import type { Erasures } from './erasures';

const erasuresAtOnce = 10;

export interface ErasureLoopOptions {
  erasures: Erasures;
  log: Logger;
  /** How often to look for erasures that nobody is at, in milliseconds; 1,000 unless told. */
  pollIntervalMs?: number;
}

/** Goes on with erasures that are not complete, whoever began them; safe on any number of replicas. */
export class ErasureLoop {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(private readonly options: ErasureLoopOptions) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Finishes the batch in hand. */
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

  /** Goes on with every erasure once; one that fails takes nothing from those behind it. */
  private async pass(): Promise<void> {
    const { erasures, log } = this.options;
    const { signal } = this.stopping;
    let waiting = 0;
    let first: { erasureId?: string; err: unknown } | undefined;
    try {
      for await (const id of this.walk()) {
        try {
          while (!signal.aborted && (await erasures.advance(id)));
        } catch (err) {
          // Also when the database does not answer: that may be due to this erasure, and else the walk ends by itself.
          waiting += 1;
          first ??= { erasureId: id, err };
        }
      }
    } catch (err) {
      first ??= { err };
    }
    if (first) log.warn(waiting > 0 ? { waiting, ...first } : first, 'erasures wait: they could not go on');
  }

  /** The ids of all erasures that are not complete, each once, whatever becomes of those before. */
  private async *walk(): AsyncGenerator<string> {
    const { signal } = this.stopping;
    let last: KeysetPosition | undefined;
    for (let count = erasuresAtOnce; count === erasuresAtOnce && !signal.aborted; ) {
      const page = await this.options.erasures.findRunning(erasuresAtOnce, last);
      for (const { id } of page) {
        if (signal.aborted) return;
        yield id;
      }
      count = page.length;
      last = page.at(-1);
    }
  }
}
