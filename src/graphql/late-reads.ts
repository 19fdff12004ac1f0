import { defaultFieldResolver, type GraphQLSchema } from 'graphql';
import type { Actor } from '../authentication/actor';
import type { CommerceRepository } from '../commerce/commerce.repository';
import type { CommerceSummary } from '../commerce/user-history.projection';
import type { HistoryEntry } from '../history/history-entry.entity';
import type { HistoryPage, UserHistoryRepository } from '../history/user-history.repository';
import type { Positioned } from '../postgres/keyset';
import type { UserListRepository } from '../users/lists/user-list.repository';
import { batchedLoad } from './batched-load';

/**
 * The reads that may go to a replica of PostgreSQL, and so may lack recent changes. Users are not read there, because
 * an outdated user would be cached.
 */
export type LateReads = ReturnType<typeof createLateReads>;

/** Returns the reads from one server of PostgreSQL. */
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

/** Chooses the server of late reads by actor, and records changes by actors. */
interface Sources {
  readonly primary: LateReads;
  choose(actor: Actor | null): Promise<LateReads>;
  recordChange(actor: Actor | null): Promise<void>;
}

/** The late reads of one request. All go to the same server, until the request changes something. */
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

  /** Makes the request read from the primary, and later requests of the actor from servers that contain the change. */
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
