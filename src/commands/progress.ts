const lineIntervalMs = 5_000;

/** How far a long job has come, on standard error: a bar in a terminal, a plain line now and then elsewhere. */
export interface Progress {
  advance(): void;
  finish(): void;
}

/** Reports on `total` units of a kind, such as users. */
export function reportProgress(unit: string, total: number): Progress {
  const { stderr } = process;
  let done = 0;
  let shownAtMs = performance.now();
  const show = () => {
    shownAtMs = performance.now();
    if (!stderr.isTTY) return stderr.write(`${done} of ${total} ${unit}\n`);
    const filled = Math.round((30 * done) / Math.max(1, total));
    return stderr.write(`\r[${'#'.repeat(filled)}${'.'.repeat(30 - filled)}] ${done}/${total} ${unit}`);
  };
  return {
    advance() {
      done += 1;
      if (performance.now() - shownAtMs > (stderr.isTTY ? 100 : lineIntervalMs)) show();
    },
    finish() {
      if (!stderr.isTTY) return;
      show();
      stderr.write('\n');
    },
  };
}
