import type { Actor } from './authentication/actor';
import { CommerceRepository } from './commerce/commerce.repository';
import { createLateReads, type LateReads } from './graphql/late-reads';
import { UserHistoryRepository } from './history/user-history.repository';
import type { Reader, ReadReplicas } from './postgres/read-replicas';
import type { RecordCache } from './redis/record-cache';
import { UserListRepository } from './users/lists/user-list.repository';

/** Stored if the real position cannot be read. No replica contains it. The cache keeps numbers of up to 15 digits. */
const unknownPosition = 1e15 - 1;

export interface LateReadSourcesOptions {
  readonly primary: Reader;
  /** null: all reads go to the primary. */
  readonly replicas: ReadReplicas | null;
  /** Shares the position of each actor's last change among all processes of this service. */
  readonly positions: Pick<RecordCache, 'getMany' | 'putMany'>;
}

/**
 * Chooses the PostgreSQL server of a request's late reads: a replica that contains all changes by the request's actor,
 * otherwise the primary. A replica may lack recent changes by others.
 */
export class LateReadSources {
  readonly primary: LateReads;
  private readonly byReader = new WeakMap<Reader, LateReads>();

  constructor(private readonly options: LateReadSourcesOptions) {
    this.primary = this.readsOf(options.primary);
  }

  async choose(actor: Actor | null): Promise<LateReads> {
    const { replicas, positions } = this.options;
    if (!replicas) return this.primary;
    let position = 0;
    if (actor) {
      const [changed] = await positions.getMany([idOf(actor)]).catch(() => []);
      // The cache is unavailable, so the actor's last change is unknown.
      if (!changed) return this.primary;
      if (changed.kind === 'value') position = changed.revision;
    }
    const reader = replicas.choose(position);
    return reader ? this.readsOf(reader) : this.primary;
  }

  /**
   * Records that the actor changed something, so that the actor's next reads contain the change. Call it after each
   * mutation, before its response is sent. Never rejects.
   */
  async recordChange(actor: Actor | null): Promise<void> {
    const { replicas, positions } = this.options;
    if (!replicas || !actor) return;
    const position = await replicas.currentPosition().catch(() => unknownPosition);
    const puts = [{ id: idOf(actor), revision: position, text: 'changed' }];
    // Other processes cannot learn the position, so the response waits until all usable replicas contain it.
    await positions.putMany(puts).catch(() => replicas.whenContained(position));
  }

  private readsOf(reader: Reader): LateReads {
    const known =
      this.byReader.get(reader) ??
      createLateReads({
        lists: new UserListRepository(reader),
        history: new UserHistoryRepository(reader),
        commerce: new CommerceRepository(reader),
      });
    this.byReader.set(reader, known);
    return known;
  }
}

function idOf(actor: Actor): string {
  return `changed-by:${actor.id}`;
}
