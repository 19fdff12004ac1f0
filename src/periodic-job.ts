import type { Logger } from './telemetry/logger';

export interface PeriodicJobOptions {
  readonly intervalMs: number;
  /** What is logged, with the error, when a pass fails; the next one tries again. */
  readonly onFailure: string;
  readonly log: Logger;
  /** One pass. It must be safe on any number of replicas at once. */
  readonly work: () => Promise<unknown>;
}

/** Does something every so often, one pass at a time. */
export class PeriodicJob {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;

  constructor(private readonly options: PeriodicJobOptions) {}

  start(): void {
    this.timer = setInterval(() => {
      this.running ??= this.pass();
    }, this.options.intervalMs);
    this.timer.unref();
  }

  /** Begins no more, and waits for the pass in hand. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private async pass(): Promise<void> {
    const { work, log, onFailure } = this.options;
    try {
      await work();
    } catch (error) {
      log.warn({ err: error }, onFailure);
    } finally {
      this.running = undefined;
    }
  }
}
