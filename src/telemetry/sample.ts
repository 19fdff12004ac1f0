import { within } from '../scheduling/within';

const waitLimitMs = 500;

/**
 * Samples a state, at most once in `freshForMs` for any number of readers.
 * `read` never rejects. It returns null if the source fails or does not respond within 500 ms.
 */
export class Sample<State> {
  private reading: Promise<State | null> | null = null;
  private readAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly source: () => Promise<State>,
    private readonly freshForMs: number,
  ) {}

  /** Returns a state that is at most `freshForMs` old, or null if it is unknown. */
  async read(): Promise<State | null> {
    const nowMs = performance.now();
    if (!this.reading || nowMs - this.readAtMs > this.freshForMs) {
      this.readAtMs = nowMs;
      this.reading = this.source().catch(() => null);
    }
    return within(this.reading, waitLimitMs, 'PostgreSQL did not respond in time').catch(() => null);
  }
}
