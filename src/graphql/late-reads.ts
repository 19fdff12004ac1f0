import { defaultFieldResolver, type GraphQLSchema } from 'graphql';
import type { Actor } from '../authentication/actor';
import type { CommerceRepository } from '../commerce/commerce.repository';
import type { CommerceSummary } from '../commerce/user-history.projection';
import type { HistoryEntry } from '../history/history-entry.entity';
import type { HistoryPage, UserHistoryRepository } from '../history/user-history.repository';
import type { Positioned } from '../postgres/keyset';
import type { UserListRepository } from '../users/lists/user-list.repository';
import { batchedLoad } from './batched-load';

/** The reads that may go to a replica of PostgreSQL. Users do not: a late one would stay in the cache. */
export type LateReads = ReturnType<typeof createLateReads>;

/** The reads from one server. */
export function createLateReads({
  lists,
  history,
  commerce,
}: {
  lists: UserListRepository;
  history: UserHistoryRepository;
  commerce: CommerceRepository;
}) {
  return {
    lists,

    /** Returns the commerce summaries of users. Users without one are absent. */
    commerce: batchedLoad<null, CommerceSummary>(
      (ids) => commerce.findByUsers(ids),
      () => '',
    ),

    /** Returns a page of the history of each user. */
    history: batchedLoad<HistoryPage, Positioned<HistoryEntry>[]>(
      (ids, page) => history.listByUsers(ids, page),
      (page) => JSON.stringify(page),
    ),
  };
}

/** Where requests read, by actor. */
interface Sources {
  readonly primary: LateReads;
  choose(actor: Actor | null): Promise<LateReads>;
  recordChange(actor: Actor | null): Promise<void>;
}

/** The late reads of one request, from one source. */
export class RequestLateReads {
  private chosen: Promise<LateReads> | undefined;

  constructor(
    private readonly sources: Sources,
    private readonly actor: Actor | null,
  ) {}

  get(): Promise<LateReads> {
    this.chosen ??= this.sources.choose(this.actor);
    return this.chosen;
  }

  /** What the request reads after its change, and what the actor reads in later requests, contains the change. */
  async recordChange(): Promise<void> {
    this.chosen = Promise.resolve(this.sources.primary);
    await this.sources.recordChange(this.actor);
  }
}

/** Makes each mutation record its change before its result is read. Changes the schema in place. */
export function recordChanges(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const resolve = field.resolve ?? defaultFieldResolver;
    field.resolve = async (source, args, context, info) => {
      try {
        return await resolve(source, args, context, info);
      } finally {
        await (context as { lateReads: RequestLateReads }).lateReads.recordChange();
      }
    };
  }
  return schema;
}
