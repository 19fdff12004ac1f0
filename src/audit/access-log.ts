import type { Database } from '../postgres/database';
import { writeTogether } from '../postgres/write';
import { Groups } from '../scheduling/groups';
import type { AuditedAccess } from './audit-access';
import type { AuditLog } from './audit-log';
import type { Origin } from './origin';

/** A group that names this many users takes no more requests. The last one may exceed it. */
const largestGroup = 5_000;

/**
 * Records who read whose data: one entry for each request. Requests of one tick share a commit, and so do requests
 * that arrive while two commits are in progress.
 */
export class AccessLog {
  private readonly groups = new Groups<AuditedAccess, void>({
    // Two, so that one slow write does not block all others.
    parallel: 2,
    process: (group) => this.write(group),
    joins: (group) => group.reduce((users, it) => users + it.fieldsByUser.size, 0) < largestGroup,
  });

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Records that these fields were read, by user id. Resolves after the commit; send no response before that.
   *
   * @throws DatabaseUnavailableError
   */
  async record(origin: Origin, fieldsByUser: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> {
    if (fieldsByUser.size === 0) return;
    await this.groups.add({ origin, action: 'USER_READ', fieldsByUser, reason: null, at: new Date() });
  }

  private async write(reads: readonly AuditedAccess[]): Promise<void[]> {
    const effects: (() => Promise<void> | void)[] = [];
    const writes = this.audit.accessWrites({ afterCommit: (effect) => effects.push(effect) }, reads);
    await writeTogether(this.database, ...writes);
    for (const effect of effects) await effect();
    return reads.map(() => undefined);
  }
}
