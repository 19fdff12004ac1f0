/** Returns a valid row of an import, with an address of this name. */
export const buildRow = (name: string, overrides: object = {}): Record<string, unknown> => ({
  email: `${name}@example.com`,
  firstName: 'Ada',
  lastName: 'Lovelace',
  ...overrides,
});

/** Returns the results that `import --json` printed, one for each row. */
export const resultsIn = (stdout: string): any[] =>
  stdout
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line));
