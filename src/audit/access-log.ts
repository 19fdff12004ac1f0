import type { Database } from '../postgres/database';
import { writeTogether } from '../postgres/write';
import type { AuditedAccess } from './audit-access';
import type { AuditLog } from './audit-log';
import type { Origin } from './origin';

/** A group that names this many users takes no more requests. The last one may exceed it. */
const largestGroup = 5_000;
/** How many groups are written concurrently. Two, so that one slow write does not block all others. */
const parallelWrites = 2;

/** Reads that are written in one statement. */
interface Group {
  readonly reads: AuditedAccess[];
  userCount: number;
  readonly written: Promise<void>;
  readonly resolveWith: (writing: Promise<void>) => void;
}

/**
 * Records who read whose data: one entry for each request. Requests of one tick share a commit, and so do requests
 * that arrive while two commits are in progress.
 */
export class AccessLog {
  private readonly waiting: Group[] = [];
  private writing = 0;

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
    const group = this.openGroup();
    group.reads.push({ origin, action: 'USER_READ', fieldsByUser, reason: null, at: new Date() });
    group.userCount += fieldsByUser.size;
    await group.written;
  }

  private openGroup(): Group {
    const last = this.waiting.at(-1);
    if (last && last.userCount < largestGroup) return last;
    let resolveWith: Group['resolveWith'] = () => undefined;
    const written = new Promise<void>((resolve) => {
      resolveWith = resolve;
    });
    const group = { reads: [], userCount: 0, written, resolveWith };
    this.waiting.push(group);
    setImmediate(() => this.writeNext());
    return group;
  }

  private writeNext(): void {
    if (this.writing >= parallelWrites) return;
    const group = this.waiting.shift();
    if (!group) return;
    this.writing += 1;
    const writing = this.write(group.reads).finally(() => {
      this.writing -= 1;
      this.writeNext();
    });
    group.resolveWith(writing);
  }

  private async write(reads: readonly AuditedAccess[]): Promise<void> {
    const effects: (() => Promise<void> | void)[] = [];
    const writes = this.audit.accessWrites({ afterCommit: (effect) => effects.push(effect) }, reads);
    await writeTogether(this.database, ...writes);
    for (const effect of effects) await effect();
  }
}
