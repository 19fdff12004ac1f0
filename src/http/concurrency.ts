/** The maximum number of operations that run concurrently on this replica. */
export interface ConcurrencyLimits {
  readonly total: number;
  /** Applies to callers with an access token. */
  readonly perActor: number;
}

/** Counts the running operations, in total and by actor. */
export class Concurrency {
  private running = 0;
  private readonly runningByActor = new Map<string, number>();

  constructor(private readonly limits: ConcurrencyLimits) {}

  /** Counts an operation. Returns a function to call once when it ends, or null if too many are running. */
  enter(actorId: string | null): (() => void) | null {
    const ofActor = actorId === null ? 0 : (this.runningByActor.get(actorId) ?? 0);
    if (this.running >= this.limits.total || ofActor >= this.limits.perActor) return null;
    this.running += 1;
    if (actorId !== null) this.runningByActor.set(actorId, ofActor + 1);
    return () => this.leave(actorId);
  }

  private leave(actorId: string | null): void {
    this.running -= 1;
    if (actorId === null) return;
    const others = (this.runningByActor.get(actorId) ?? 1) - 1;
    if (others === 0) this.runningByActor.delete(actorId);
    else this.runningByActor.set(actorId, others);
  }
}
