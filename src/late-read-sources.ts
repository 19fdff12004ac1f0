import type { Actor } from './authentication/actor';
import { CommerceRepository } from './commerce/commerce.repository';
import { createLateReads, type LateReads } from './graphql/late-reads';
import { UserHistoryRepository } from './history/user-history.repository';
import type { Reader, ReadReplicas } from './postgres/read-replicas';
import type { RecordCache } from './redis/record-cache';
import { UserListRepository } from './users/lists/user-list.repository';

/** Contained by no replica. The cache keeps numbers of 15 digits. */
const unknownPosition = 1e15 - 1;

export interface LateReadSourcesOptions {
  readonly primary: Reader;
  /** null: all reads go to the primary. */
  readonly replicas: ReadReplicas | null;
  /** Keeps the position of each actor's last change for the replicas of this service. */
  readonly positions: Pick<RecordCache, 'getMany' | 'putMany'>;
}

/** Chooses where requests read: a replica that contains everything that the actor changed, otherwise the primary. */
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
      // Without the cache nothing is known about the actor's changes.
      if (!changed) return this.primary;
      if (changed.kind === 'value') position = changed.revision;
    }
    const reader = replicas.choose(position);
    return reader ? this.readsOf(reader) : this.primary;
  }

  /** Call it after each mutation, before its response is sent. Never rejects. */
  async recordChange(actor: Actor | null): Promise<void> {
    const { replicas, positions } = this.options;
    if (!replicas || !actor) return;
    const position = await replicas.currentPosition().catch(() => unknownPosition);
    const puts = [{ id: idOf(actor), revision: position, text: 'changed' }];
    // Unknown elsewhere, the change must be contained wherever others read.
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
