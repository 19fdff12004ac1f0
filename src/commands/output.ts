const barIntervalMs = 100;
const lineIntervalMs = 5_000;

/** Characters that control a terminal or reorder its text, except the line feed. */
const terminalControls = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/**
 * Returns the text with control characters as JSON escapes, such as `\\u001b`: text of producers may not control the
 * terminal. A JSON document keeps its meaning.
 */
export function printable(text: string): string {
  return text.replace(terminalControls, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Returns the text on one line: as `printable`, with line feeds escaped too. */
export function printableInLine(text: string): string {
  return printable(text).replaceAll('\n', '\\u000a');
}

/** Writes a printable line of results to standard output. Resolves when it is written, and rejects if that fails. */
export function printLine(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${printable(line)}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

/** Returns a count with its noun, given in the plural: `1 history entry`, `2 history entries`. */
export function countOf(count: number, nouns: string): string {
  return `${count} ${count === 1 ? nouns.replace(/ies$/, 'y').replace(/s$/, '') : nouns}`;
}

/** Shows the progress of a long job on standard error: a bar in a terminal, otherwise one line at a time. */
export interface Progress {
  /**
   * Adds `count`, by default 1, to the number of finished units. Shows the sum, but in a terminal at most ten times a
   * second, and elsewhere at most once in five seconds.
   */
  advance(count?: number): void;
  /** Completes the bar in a terminal. Prints nothing elsewhere, because commands print their own final count. */
  finish(): void;
}

/**
 * Returns the progress of a job that has finished no units yet.
 *
 * @param unit plural noun, such as `users`
 * @param total number of units, or null if unknown; then there is no bar, only the number of finished units
 */
export function createProgress(unit: string, total: number | null): Progress {
  const { stderr } = process;
  let finished = 0;
  let shownAtMs = performance.now();
  const show = () => {
    shownAtMs = performance.now();
    const count = total === null ? countOf(finished, unit) : `${finished} of ${countOf(total, unit)}`;
    if (!stderr.isTTY) return stderr.write(`${count}\n`);
    const share = total === null ? 0 : Math.min(1, finished / Math.max(1, total));
    const filled = Math.round(30 * share);
    const bar = total === null ? '' : `[${'#'.repeat(filled)}${'.'.repeat(30 - filled)}] `;
    return stderr.write(`\r${bar}${count}`);
  };
  return {
    advance(count = 1) {
      finished += count;
      if (performance.now() - shownAtMs > (stderr.isTTY ? barIntervalMs : lineIntervalMs)) show();
    },
    finish() {
      if (!stderr.isTTY) return;
      show();
      stderr.write('\n');
    },
  };
}
