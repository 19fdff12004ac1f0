/** Background work that runs in parallel with requests until it is stopped. */
export interface Job {
  start(): void;
  /** Starts no further work. Resolves when the work in progress has ended. */
  stop(): Promise<void>;
}

/** Several jobs as one. `stop` reaches all of them immediately and waits for all. */
export function parallel(jobs: readonly Job[]): Job {
  return {
    start() {
      for (const job of jobs) job.start();
    },
    async stop() {
      await Promise.all(jobs.map((job) => job.stop()));
    },
  };
}
