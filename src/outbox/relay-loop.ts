import { pause } from '../scheduling/pause';
import type { LanesRelay, RelayRound } from './lanes.relay';

const lastBackoffMs = 2_000;
/** Delay before retrying a lane that another relay has locked. The poll would retry it later. */
const busyRetryMs = 20;

export interface RelayLoopOptions {
  readonly lanes: LanesRelay;
  /** How long to gather commits before a round, in milliseconds. */
  readonly gatheringMs: number;
  /** Ends the loop after the current wave. */
  readonly signal: AbortSignal;
  readonly onRound: (round: RelayRound) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

/** Runs rounds (`RelayRound`) over woken lanes, one at a time, until none of them has more to publish. */
export class RelayLoop {
  /** Lanes that may have events to publish. */
  private readonly woken = new Set<number>();
  /** Busy lanes whose retry is scheduled. */
  private readonly retried = new Set<number>();
  private running: Promise<void> | undefined;

  constructor(private readonly options: RelayLoopOptions) {}

  /** Requests a round over this lane. Does nothing once the signal is aborted. */
  wake(lane: number): void {
    if (this.options.signal.aborted) return;
    this.woken.add(lane);
    this.running ??= this.run();
  }

  /** Resolves when no round is in progress. */
  async whenIdle(): Promise<void> {
    await this.running;
  }

  /** Never rejects. */
  private async run(): Promise<void> {
    const { lanes: relay, gatheringMs, signal, onRound, onFailure } = this.options;
    let unfinished: readonly number[] = [];
    for (let failures = 0; this.woken.size > 0 && !signal.aborted; ) {
      if (unfinished.length === 0 && gatheringMs > 0) await pause(gatheringMs, signal);
      unfinished = [];
      const taken = new Set<number>();
      // Takes all woken lanes: events that are committed during a round share the next one.
      const take = () => {
        const lanes = [...this.woken];
        this.woken.clear();
        for (const lane of lanes) taken.add(lane);
        return lanes;
      };
      try {
        const round = await relay.publishPending(take(), gatheringMs > 0 ? () => [] : take, signal);
        unfinished = round.unfinished;
        for (const lane of unfinished) this.woken.add(lane);
        for (const lane of round.busy) this.retrySoon(lane);
        await onRound(round);
        failures = 0;
      } catch (error) {
        onFailure(error);
        failures += 1;
        for (const lane of taken) this.woken.add(lane);
        await pause(Math.min(50 * 2 ** failures, lastBackoffMs), signal);
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
}
