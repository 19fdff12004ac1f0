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
 * `read` never rejects; it returns null if the database fails or does not respond within 500 ms.
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
    if (!this.reading) return null;
    return within(this.reading, waitLimitMs, 'PostgreSQL did not respond in time').catch(() => null);
  }
}
