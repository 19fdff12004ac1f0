import type { Database } from '../postgres/database';
import { writeTogether } from '../postgres/write';
import { Groups } from '../scheduling/groups';
import type { AuditedAccess } from './audit-access';
import type { AuditLog } from './audit-log';
import type { Origin } from './origin';
import type { ReadWindow } from './read-window';

/** A group with this many users takes no more requests. Its last request may exceed the limit. */
const largestGroup = 5_000;

/**
 * Records who read whose data. Each request has an entry. With a window, repeated reads are counted and share one entry
 * when it ends. Requests of one tick share a commit, and so do requests that arrive while two commits are in progress.
 */
export class AccessLog {
  private readonly groups = new Groups<AuditedAccess, void>({
    // Two, so that one slow write does not block all others.
    parallel: 2,
    process: (group) => this.write(group),
    joins: (group) => group.reduce((users, it) => users + it.fieldsByUser.size, 0) < largestGroup,
  });

  /** Repeated reads of earlier windows whose entries could not be written. */
  private unwritten: readonly AuditedAccess[] = [];

  /** @param window null writes an entry for each request */
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly window: ReadWindow | null = null,
  ) {}

  /**
   * Records the fields that a request read of each user. Resolves after the commit; send no response before that. A
   * read that this window already has is only counted, in memory: a crash loses the count. Reads without an actor are
   * not merged.
   *
   * @throws DatabaseUnavailableError
   */
  async record(origin: Origin, fieldsByUser: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> {
    const { window } = this;
    const { actor } = origin;
    const at = new Date();
    const toWrite = window && actor ? window.countRepeated(actor, fieldsByUser, at) : fieldsByUser;
    if (toWrite.size === 0) return;
    await this.groups.add({ origin, action: 'USER_READ', fieldsByUser: toWrite, reason: null, at });
    if (window && actor) window.add(actor, toWrite);
  }

  /**
   * Ends the window and writes the entries of its repeated reads. The next window begins.
   *
   * @throws DatabaseUnavailableError; the next call writes these entries
   */
  async endWindow(): Promise<void> {
    const repeated = [...this.unwritten, ...(this.window?.end() ?? [])];
    this.unwritten = [];
    const results = await Promise.allSettled(repeated.map((access) => this.groups.add(access)));
    this.unwritten = repeated.filter((_, index) => results[index]?.status === 'rejected');
    const failure = results.find((it) => it.status === 'rejected');
    if (failure) throw failure.reason;
  }

  private async write(reads: readonly AuditedAccess[]): Promise<void[]> {
    const effects: (() => Promise<void> | void)[] = [];
    const writes = this.audit.accessWrites({ afterCommit: (effect) => effects.push(effect) }, reads);
    await writeTogether(this.database, ...writes);
    for (const effect of effects) await effect();
    return reads.map(() => undefined);
  }
}
