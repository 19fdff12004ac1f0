const lineIntervalMs = 5_000;

/** Writes a line of results to standard output; resolves when the stream accepts more. */
export function printLine(line: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${line}\n`, () => resolve()));
}

/** Progress of a long job on standard error: a bar in a terminal, otherwise a line every five seconds. */
export interface Progress {
  /** Adds to the number of finished units; `count` defaults to 1. */
  advance(count?: number): void;
  finish(): void;
}

/**
 * @param unit plural noun, such as `users`
 * @param total null when unknown: only the number of finished units is shown
 */
export function reportProgress(unit: string, total: number | null): Progress {
  const { stderr } = process;
  let done = 0;
  let shownAtMs = performance.now();
  const show = () => {
    shownAtMs = performance.now();
    const count = total === null ? String(done) : `${done} of ${total}`;
    if (!stderr.isTTY) return stderr.write(`${count} ${unit}\n`);
    const share = total === null ? 0 : Math.min(1, done / Math.max(1, total));
    const filled = Math.round(30 * share);
    const bar = total === null ? '' : `[${'#'.repeat(filled)}${'.'.repeat(30 - filled)}] `;
    return stderr.write(`\r${bar}${count} ${unit}`);
  };
  return {
    advance(count = 1) {
      done += count;
      if (performance.now() - shownAtMs > (stderr.isTTY ? 100 : lineIntervalMs)) show();
    },
    finish() {
      if (!stderr.isTTY) return;
      show();
      stderr.write('\n');
    },
  };
}
