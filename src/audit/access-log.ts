import type { Database } from '../postgres/database';
import type { AuditedAction, AuditLog, Origin } from './audit-log';

/** A group with this many entries takes no more requests. The last one may exceed it. */
const largestGroup = 2_000;
/** How many groups are written concurrently. Two, so that one slow write does not block all others. */
const parallelWrites = 2;

/** Reads that are written in one transaction. */
interface Group {
  readonly reads: AuditedAction[];
  readonly written: Promise<void>;
  readonly resolveWith: (writing: Promise<void>) => void;
}

/**
 * Records who read whose data: one entry for each request and user. Requests of one tick share a transaction, and so
 * do requests that arrive while two transactions are in progress.
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
    const { reads, written } = this.openGroup();
    const at = new Date();
    for (const [userId, names] of fieldsByUser) {
      const fields = [...names].sort();
      reads.push({ origin, userId, action: 'USER_READ', fields, reason: null, at, values: null });
    }
    await written;
  }

  private openGroup(): Group {
    const last = this.waiting.at(-1);
    if (last && last.reads.length < largestGroup) return last;
    let resolveWith: Group['resolveWith'] = () => undefined;
    const written = new Promise<void>((resolve) => {
      resolveWith = resolve;
    });
    const group = { reads: [], written, resolveWith };
    this.waiting.push(group);
    setImmediate(() => this.writeNext());
    return group;
  }

  private writeNext(): void {
    if (this.writing >= parallelWrites) return;
    const group = this.waiting.shift();
    if (!group) return;
    this.writing += 1;
    const writing = this.database
      .transaction((tx) => this.audit.record(tx, ...group.reads))
      .finally(() => {
        this.writing -= 1;
        this.writeNext();
      });
    group.resolveWith(writing);
  }
}
