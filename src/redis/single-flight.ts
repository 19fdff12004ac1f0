/** One look-up of one id, shared by all readers that requested the id before it started. */
export class Lookup<T extends {} | null> {
  /** True if the record changed during the look-up: its readers may have the result, the cache may not. */
  superseded = false;
  private result: T | Error | undefined;
  private readonly readers: (() => void)[] = [];

  constructor(readonly id: string) {}

  /** Gives the readers a value, or the error of the look-up. Only the first call has an effect. */
  complete(result: T | Error): void {
    if (this.result !== undefined) return;
    this.result = result;
    for (const reader of this.readers) reader();
  }

  /** Returns the results of look-ups once all of them are complete. One promise for all of them. */
  static async resultsOf<T extends {} | null>(lookups: readonly Lookup<T>[]): Promise<(T | Error)[]> {
    let incomplete = lookups.length;
    if (incomplete > 0) {
      await new Promise<void>((resolve) => {
        const completed = () => {
          incomplete -= 1;
          if (incomplete === 0) resolve();
        };
        for (const lookup of lookups) lookup.readers.push(completed);
      });
    }
    return lookups.map(({ result }) => result as T | Error);
  }
}

/**
 * Batches the ids requested in one turn of the event loop, and never runs two look-ups of one id concurrently unless
 * the first is superseded. A reader never gets a value that was read before its request: requests that arrive during a
 * look-up share the next one. It may get the error of an earlier look-up (`failNext`).
 */
export class SingleFlight<T extends {} | null> {
  /** Look-ups that have not started: further requests for their ids share them. */
  private readonly queued = new Map<string, Lookup<T>>();
  private readonly running = new Map<string, Lookup<T>>();
  private nextBatch: Lookup<T>[] = [];

  /** `run` completes its look-ups and may `finish` some of them early; the rest are finished after it. */
  constructor(private readonly run: (lookups: Lookup<T>[]) => Promise<void>) {}

  /** Returns the values of these ids, or the errors of their look-ups, in the order of the ids. */
  request(ids: readonly string[]): Promise<(T | Error)[]> {
    return Lookup.resultsOf(ids.map((id) => this.nextLookup(id)));
  }

  /** Returns the look-up of the id that has not started yet. */
  private nextLookup(id: string): Lookup<T> {
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

  /**
   * Completes the queued look-up of the same id with the error of this one. For a database that does not respond: the
   * queued readers do not wait for it a second time.
   */
  failNext(lookup: Lookup<T>, error: Error): void {
    if (this.running.get(lookup.id) !== lookup) return;
    this.queued.get(lookup.id)?.complete(error);
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
      for (const lookup of lookups) lookup.complete(errorOf(error));
    }
    for (const lookup of lookups) this.finish(lookup);
  }
}

/** Returns what was thrown as an Error. */
export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
