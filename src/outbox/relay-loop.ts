import { setTimeout as delay } from 'node:timers/promises';
import type { LanesRelay, RelayPass } from './lanes.relay';

const lastBackoffMs = 2_000;
/** How soon to look again at a lane that another relay leads; the poll comes anyway. */
const busyRetryMs = 20;

export interface RelayLoopOptions {
  readonly lanes: LanesRelay;
  /** How long to gather what is committed before a pass, in milliseconds. */
  readonly gatheringMs: number;
  /** Ends the loop after the wave in hand. */
  readonly signal: AbortSignal;
  readonly onPass: (pass: RelayPass) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

/** Passes over lanes, one pass at a time, for as long as there may be something to publish in them. */
export class RelayLoop {
  /** Lanes in which there may be something to publish. */
  private readonly woken = new Set<number>();
  /** Lanes that were busy, and are looked at again soon. */
  private readonly retried = new Set<number>();
  private running: Promise<void> | undefined;

  constructor(private readonly options: RelayLoopOptions) {}

  /** There is something to publish in this lane. */
  wake(lane: number): void {
    if (this.options.signal.aborted) return;
    this.woken.add(lane);
    this.running ??= this.run();
  }

  /** Resolves when no pass is in progress. */
  async settle(): Promise<void> {
    await this.running;
  }

  /** Never rejects. */
  private async run(): Promise<void> {
    const { lanes: relay, gatheringMs, signal, onPass, onFailure } = this.options;
    let unfinished: readonly number[] = [];
    for (let failures = 0; this.woken.size > 0 && !signal.aborted; ) {
      if (unfinished.length === 0 && gatheringMs > 0) await this.pause(gatheringMs);
      unfinished = [];
      const taken = new Set<number>();
      // All at once: what a busy moment commits while a pass is on its way is one pass, not one for each event.
      const take = () => {
        const lanes = [...this.woken];
        this.woken.clear();
        for (const lane of lanes) taken.add(lane);
        return lanes;
      };
      try {
        const pass = await relay.publishPending(take(), gatheringMs > 0 ? () => [] : take, signal);
        unfinished = pass.unfinished;
        for (const lane of unfinished) this.woken.add(lane);
        for (const lane of pass.busy) this.retrySoon(lane);
        await onPass(pass);
        failures = 0;
      } catch (error) {
        onFailure(error);
        failures += 1;
        for (const lane of taken) this.woken.add(lane);
        await this.pause(Math.min(50 * 2 ** failures, lastBackoffMs));
      }
    }
    this.running = undefined;
  }

  private retrySoon(lane: number): void {
    if (this.retried.has(lane)) return;
    this.retried.add(lane);
    setTimeout(() => {
      this.wake(lane);
      this.retried.delete(lane);
    }, busyRetryMs).unref();
  }

  private async pause(durationMs: number): Promise<void> {
    await delay(durationMs, undefined, { signal: this.options.signal }).catch(() => undefined);
  }
}
