/** One look-up of one id, shared by all readers that requested the id before it started. */
export class Lookup<T> {
  readonly result: Promise<T>;
  /** True if the record changed during the look-up: its readers may have the result, the cache may not. */
  superseded = false;
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;

  constructor(readonly id: string) {
    this.result = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/**
 * Batches the ids requested in one turn of the event loop, and never runs two look-ups of one id concurrently unless
 * the first is superseded. A reader never gets a look-up that started before its request: requests that arrive
 * during a look-up share the next one.
 */
export class SingleFlight<T> {
  /** Look-ups that have not started: further requests for their ids share them. */
  private readonly queued = new Map<string, Lookup<T>>();
  private readonly running = new Map<string, Lookup<T>>();
  private nextBatch: Lookup<T>[] = [];

  /** `run` resolves or rejects its look-ups and may `finish` some of them early; the rest are finished after it. */
  constructor(private readonly run: (lookups: Lookup<T>[]) => Promise<void>) {}

  /** Returns the look-up of the id that has not started yet. */
  request(id: string): Lookup<T> {
    const queued = this.queued.get(id);
    if (queued) return queued;
    const lookup = new Lookup<T>(id);
    this.queued.set(id, lookup);
    if (!this.running.has(id)) this.schedule(lookup);
    return lookup;
  }

  /** Allows the next look-up of the same id to start. */
  finish(lookup: Lookup<T>): void {
    if (this.running.get(lookup.id) !== lookup) return;
    this.running.delete(lookup.id);
    const next = this.queued.get(lookup.id);
    if (next) this.schedule(next);
  }

  /** Marks the running look-up as outdated and allows the next one to start before it ends. */
  supersede(id: string): void {
    const lookup = this.running.get(id);
    if (!lookup) return;
    lookup.superseded = true;
    this.finish(lookup);
  }

  /** Rejects the queued look-up of the same id with the error of this one. */
  rejectNext(lookup: Lookup<T>, error: unknown): void {
    if (this.running.get(lookup.id) !== lookup) return;
    this.queued.get(lookup.id)?.reject(error);
    this.queued.delete(lookup.id);
  }

  private schedule(lookup: Lookup<T>): void {
    // setImmediate, not a microtask: requests read from all sockets in one turn then share a batch.
    if (this.nextBatch.push(lookup) === 1) setImmediate(() => void this.runBatch());
  }

  private async runBatch(): Promise<void> {
    const lookups = this.nextBatch;
    this.nextBatch = [];
    for (const lookup of lookups) {
      this.queued.delete(lookup.id);
      this.running.set(lookup.id, lookup);
    }
    try {
      await this.run(lookups);
    } catch (error) {
      for (const lookup of lookups) lookup.reject(error);
    }
    for (const lookup of lookups) this.finish(lookup);
  }
}
