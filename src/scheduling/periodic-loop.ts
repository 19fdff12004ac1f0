import type { Job } from './job';
import { pause } from './pause';

export interface PeriodicLoopOptions {
  /** Pause between the end of a pass and the start of the next one, in milliseconds. */
  readonly intervalMs: number;
  /** True runs the first pass at `start`, false one interval later. */
  readonly startsImmediately: boolean;
  /** One pass. It must end early when `signal` is aborted, and be safe on several replicas concurrently. */
  readonly work: (signal: AbortSignal) => Promise<unknown>;
  /** Called with the error of a pass that failed. The loop continues with the next pass. Must not throw. */
  readonly onFailure: (error: unknown) => void;
}

/** Runs one pass of work after another until `stop`. */
export class PeriodicLoop implements Job {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(private readonly options: PeriodicLoopOptions) {}

  /** Has no effect on a loop that was started before. */
  start(): void {
    this.running ??= this.run();
  }

  /** Aborts the signal of the pass in progress and waits for its end. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { intervalMs, startsImmediately, work, onFailure } = this.options;
    const { signal } = this.stopping;
    if (!startsImmediately) await pause(intervalMs, signal);
    while (!signal.aborted) {
      try {
        await work(signal);
      } catch (error) {
        onFailure(error);
      }
      await pause(intervalMs, signal);
    }
  }
}
