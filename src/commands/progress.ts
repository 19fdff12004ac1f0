const lineIntervalMs = 5_000;

/** How far a long job has come, on standard error: a bar in a terminal, a plain line now and then elsewhere. */
export interface Progress {
  /** So many more are done; one unless told. */
  advance(count?: number): void;
  finish(): void;
}

/** Reports on units of a kind, such as users; without a `total` (null) on how many are done. */
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
