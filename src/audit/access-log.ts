import type { Database } from '../postgres/database';
import type { AuditedAction, AuditLog, Origin } from './audit-log';

/** How many entries one write has at most. */
const largestGroup = 2_000;
/** While so many groups are being written, the next one gathers. Two, so that one slow write holds up nobody. */
const parallelWrites = 2;

/** Reads that are written together. */
interface Group {
  readonly reads: AuditedAction[];
  readonly written: Promise<void>;
  readonly settle: (writing: Promise<void>) => void;
}

/**
 * Who read whose data: one entry for each request and user. What requests read in one tick, or while others are
 * being written, is one write.
 */
export class AccessLog {
  private readonly waiting: Group[] = [];
  private writing = 0;

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Resolves when it is committed that these fields were read, by user id; until then nothing may be answered.
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
    let settle: Group['settle'] = () => undefined;
    const written = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const group = { reads: [], written, settle };
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
    group.settle(writing);
  }
}
