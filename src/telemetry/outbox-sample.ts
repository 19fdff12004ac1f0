import { within } from '../scheduling/within';

/** Number of unpublished events and the age of the oldest one. */
export interface OutboxState {
  readonly pending: number;
  readonly oldestSeconds: number;
}

const freshForMs = 2_000;
const waitLimitMs = 500;

/**
 * Samples the state of the outbox, at most every two seconds for any number of readers.
 * `read` never rejects. It returns null before `watch`, or if the source fails or does not respond within 500 ms.
 */
export class OutboxSample {
  private source: (() => Promise<OutboxState>) | null = null;
  private reading: Promise<OutboxState | null> | null = null;
  private readAtMs = Number.NEGATIVE_INFINITY;

  /** Sets the source of the samples. */
  watch(source: () => Promise<OutboxState>): void {
    this.source = source;
  }

  /** Returns a state that is at most two seconds old, or null if it is unknown. */
  async read(): Promise<OutboxState | null> {
    const nowMs = performance.now();
    if (this.source && (!this.reading || nowMs - this.readAtMs > freshForMs)) {
      this.readAtMs = nowMs;
      this.reading = this.source().catch(() => null);
    }
    if (!this.reading) return null;
    return within(this.reading, waitLimitMs, 'PostgreSQL did not respond in time').catch(() => null);
  }
}
