/** The functions that close what was opened so far. */
export class Closers {
  private readonly stack: (() => Promise<unknown>)[] = [];
  private closing: Promise<void> | undefined;

  /** Registers a function for `close` to call before those that were registered earlier. */
  push(close: () => Promise<unknown>): void {
    this.stack.push(close);
  }

  /**
   * Calls the registered functions one after the other, the latest first. It continues after a failure. Further calls
   * return the same promise.
   *
   * @throws the error of a function that failed, or an AggregateError of several, after all were called
   */
  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    const errors: unknown[] = [];
    for (let close = this.stack.pop(); close; close = this.stack.pop()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 1) throw new AggregateError(errors, 'Several parts could not be closed');
    if (errors.length === 1) throw errors[0];
  }
}
