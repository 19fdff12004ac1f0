/** What waits in the outbox: how much, and how old the oldest is. */
export interface OutboxState {
  readonly pending: number;
  readonly oldestSeconds: number;
}

const freshForMs = 2_000;
const waitLimitMs = 500;

/**
 * What waits in the outbox, asked for at most every two seconds, however many read it.
 * Null while it is not known: a database that is away or slow never holds up or fails who asks.
 */
export class OutboxSample {
  private source: (() => Promise<OutboxState>) | null = null;
  private reading: Promise<OutboxState | null> | null = null;
  private readAtMs = Number.NEGATIVE_INFINITY;

  watch(source: () => Promise<OutboxState>): void {
    this.source = source;
  }

  async read(): Promise<OutboxState | null> {
    const nowMs = performance.now();
    if (this.source && (!this.reading || nowMs - this.readAtMs > freshForMs)) {
      this.readAtMs = nowMs;
      this.reading = this.source().catch(() => null);
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), waitLimitMs);
    });
    const state = await Promise.race([this.reading, late]);
    clearTimeout(timer);
    return state;
  }
}
