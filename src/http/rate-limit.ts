/** Counts uses by key in fixed windows, within this process only. */
export class RateLimit {
  private readonly uses = new Map<string, number>();
  private windowEndsAtMs = 0;

  constructor(
    private readonly usesPerWindow: number,
    private readonly windowMs: number,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /** Counts a use. Returns 0 while it is within the limit, else the seconds until the next window. */
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
