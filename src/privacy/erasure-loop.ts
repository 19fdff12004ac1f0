import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
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
    const { erasures, log, pollIntervalMs = 1_000 } = this.options;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        for (const id of await erasures.findRunning(erasuresAtOnce))
          while (!signal.aborted && (await erasures.advance(id)));
      } catch (error) {
        log.warn({ err: error }, 'erasures wait: they could not go on');
      }
      await delay(pollIntervalMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
