/** Writes a line of results, and resolves when there is room for more; when nobody reads any more the process ends. */
export function print(line: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${line}\n`, () => resolve()));
}
