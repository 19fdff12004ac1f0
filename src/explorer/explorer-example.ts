/** One operation that a visitor of the explorer can run, change and run again. */
export interface ExplorerExample {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** The user of the examples: the first one makes it, so that the others find it. */
export const exampleUserId = '01900000-0000-7000-8000-000000000001';
