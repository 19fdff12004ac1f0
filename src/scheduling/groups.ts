export interface GroupsOptions<Item, Result> {
  /** Processes a group and returns the result of each item. If it rejects, it does for all items of the group. */
  readonly process: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** How many groups are processed concurrently. */
  readonly parallel: number;
  /** True if the item can join these ones; otherwise it waits for a later group. An empty group takes any item. */
  readonly joins: (group: readonly Item[], item: Item) => boolean;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Processes items of concurrent callers in groups: those that arrive in one turn of the event loop, and those that
 * arrive while as many groups as allowed are being processed.
 */
export class Groups<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private processing = 0;

  constructor(private readonly options: GroupsOptions<Item, Result>) {}

  /** Returns the result of the item, once its group is processed. */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      // A later item of the same turn starts no group of its own.
      if (this.waiting.push({ item, resolve, reject }) === 1) setImmediate(() => this.processNext());
    });
  }

  private processNext(): void {
    if (this.processing >= this.options.parallel || this.waiting.length === 0) return;
    const group = this.takeGroup();
    this.processing += 1;
    void this.processGroup(group).finally(() => {
      this.processing -= 1;
      this.processNext();
    });
    // Items that could not join.
    if (this.waiting.length > 0) this.processNext();
  }

  private takeGroup(): Waiting<Item, Result>[] {
    const group: Waiting<Item, Result>[] = [];
    const items: Item[] = [];
    const later: Waiting<Item, Result>[] = [];
    for (const it of this.waiting) {
      if (items.length > 0 && !this.options.joins(items, it.item)) later.push(it);
      else {
        group.push(it);
        items.push(it.item);
      }
    }
    this.waiting = later;
    return group;
  }

  private async processGroup(group: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.options.process(group.map(({ item }) => item));
      for (const [at, { resolve }] of group.entries()) resolve(results[at] as Result);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}
