/** Counts uses by key, for the caller to refuse what comes too often. In this process only. */
export class RateLimit {
  private readonly uses = new Map<string, number>();
  private windowEndsAtMs = 0;

  constructor(
    private readonly usesPerWindow: number,
    private readonly windowMs: number,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /** Counts a use; answers 0, or after how many seconds to try again when there were too many. */
  secondsToWait(key: string): number {
    const now = this.nowMs();
    if (now >= this.windowEndsAtMs) {
      this.uses.clear();
      this.windowEndsAtMs = now + this.windowMs;
    }
    const uses = (this.uses.get(key) ?? 0) + 1;
    this.uses.set(key, uses);
    return uses <= this.usesPerWindow ? 0 : Math.ceil((this.windowEndsAtMs - now) / 1000);
  }
}
