/** Errors that one response has at most. One further error says how many were omitted. */
export const maxErrors = 100;

/** Counts the errors of one operation, so that those beyond the maximum are not built. */
export class ErrorBudget {
  private used = 0;
  private refused = 0;

  /** Returns whether another error may be built. Otherwise the error counts as omitted. */
  take(): boolean {
    if (this.used < maxErrors) {
      this.used += 1;
      return true;
    }
    this.refused += 1;
    return false;
  }

  /** Errors that were not built. */
  get omitted(): number {
    return this.refused;
  }
}
