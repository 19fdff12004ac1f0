/** One look-up of one id, and everybody who waits for it. */
export class Flight<T> {
  readonly landed: Promise<T>;
  /** The record changed meanwhile: good enough for those who wait, not for the cache. */
  superseded = false;
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;

  constructor(readonly id: string) {
    this.landed = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/**
 * Gathers the ids asked for in one turn of the event loop into one batch, and never looks one id up twice at
 * the same time. Nobody is handed a look-up that began before they asked: who comes while one is under way
 * waits, together with all others who do, for the next.
 */
export class SingleFlight<T> {
  /** Asked for, not started: whoever asks for the id now joins. */
  private readonly boarding = new Map<string, Flight<T>>();
  private readonly airborne = new Map<string, Flight<T>>();
  private ready: Flight<T>[] = [];

  /** `lookUp` resolves or rejects its flights and may `land` some of them early; what it leaves is landed. */
  constructor(private readonly lookUp: (flights: Flight<T>[]) => Promise<void>) {}

  /** Answers with the flight of the id that has not started yet. */
  join(id: string): Flight<T> {
    const joined = this.boarding.get(id);
    if (joined) return joined;
    const flight = new Flight<T>(id);
    this.boarding.set(id, flight);
    if (!this.airborne.has(id)) this.schedule(flight);
    return flight;
  }

  /** Lets the next look-up of the flight's id begin. */
  land(flight: Flight<T>): void {
    if (this.airborne.get(flight.id) !== flight) return;
    this.airborne.delete(flight.id);
    const next = this.boarding.get(flight.id);
    if (next) this.schedule(next);
  }

  /** Marks the look-up under way as outdated and lets the next one begin without waiting for it. */
  supersede(id: string): void {
    const flight = this.airborne.get(id);
    if (!flight) return;
    flight.superseded = true;
    this.land(flight);
  }

  /** Lets those who wait for the next look-up of the flight's id fail with this one. */
  rejectNext(flight: Flight<T>, error: unknown): void {
    if (this.airborne.get(flight.id) !== flight) return;
    this.boarding.get(flight.id)?.reject(error);
    this.boarding.delete(flight.id);
  }

  private schedule(flight: Flight<T>): void {
    // setImmediate, not a microtask: the requests read from all sockets in one turn then share a batch.
    if (this.ready.push(flight) === 1) setImmediate(() => void this.depart());
  }

  private async depart(): Promise<void> {
    const flights = this.ready;
    this.ready = [];
    for (const flight of flights) {
      this.boarding.delete(flight.id);
      this.airborne.set(flight.id, flight);
    }
    try {
      await this.lookUp(flights);
    } catch (error) {
      for (const flight of flights) flight.reject(error);
    }
    for (const flight of flights) this.land(flight);
  }
}
