import type { Logger } from './telemetry/logger';

export interface PeriodicJobOptions {
  readonly intervalMs: number;
  /** What is logged, with the error, when a pass fails; the next one tries again. */
  readonly onFailure: string;
  readonly log: Logger;
  /** One pass, which ends early, at its next batch, when it is told to. It must be safe on any number of replicas at once. */
  readonly work: (stopping: AbortSignal) => Promise<unknown>;
}

/** Does something every so often, one pass at a time. */
export class PeriodicJob {
  private readonly stopping = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;

  constructor(private readonly options: PeriodicJobOptions) {}

  start(): void {
    this.timer = setInterval(() => {
      this.running ??= this.pass();
    }, this.options.intervalMs);
    this.timer.unref();
  }

  /** Begins no more, tells the pass in hand to end, and waits for that. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.stopping.abort();
    await this.running;
  }

  private async pass(): Promise<void> {
    const { work, log, onFailure } = this.options;
    try {
      await work(this.stopping.signal);
    } catch (error) {
      log.warn({ err: error }, onFailure);
    } finally {
      this.running = undefined;
    }
  }
}

/** Something that goes on beside requests until it is stopped. */
export interface Job {
  start(): void;
  /** Begins no more, and resolves when what is in hand is finished. */
  stop(): Promise<void>;
}

/** Several jobs as one: told to stop, all of them hear of it at once, and none waits until another has finished. */
export function sideBySide(jobs: readonly Job[]): Job {
  return {
    start() {
      for (const job of jobs) job.start();
    },
    async stop() {
      await Promise.all(jobs.map((job) => job.stop()));
    },
  };
}
