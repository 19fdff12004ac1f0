import { z } from 'zod';

/** Who was erased, as it is known outside of the database. */
export interface LedgerEntry {
  readonly userId: string;
  readonly erasedAt: Date;
  /** The last version that others were told of; 0 where that is not known. */
  readonly sequence: number;
}

const erasure = z.object({ userId: z.uuid().toLowerCase(), erasedAt: z.iso.datetime({ offset: true }) });
/** A line that somebody wrote, or the whole event as it left the service. */
const document = z.union([
  erasure.extend({ sequence: z.coerce.number().int().nonnegative().default(0) }),
  z
    .object({ type: z.literal('UserErased'), sequence: z.string().regex(/^\d+$/), data: erasure })
    .transform(({ sequence, data }) => ({ ...data, sequence: Number(sequence) })),
]);

/** The ledger of erasures as it is kept outside of the database, read document by document. */
export class ErasureLedger {
  private readonly byUser = new Map<string, LedgerEntry>();
  /** Documents so far. */
  read = 0;
  /** Those of them that say nothing of an erasure. */
  unreadable = 0;

  /** Takes a line of JSON: `{userId, erasedAt}`, `sequence` if it is known, or a `UserErased` event. */
  add(text: string): void {
    this.read += 1;
    const entry = parse(text);
    if (!entry) {
      this.unreadable += 1;
      return;
    }
    const known = this.byUser.get(entry.userId) ?? entry;
    this.byUser.set(entry.userId, {
      userId: entry.userId,
      erasedAt: new Date(Math.min(known.erasedAt.getTime(), entry.erasedAt.getTime())),
      sequence: Math.max(known.sequence, entry.sequence),
    });
  }

  /** One for each user: when they were erased first, and what was told of them last. */
  get entries(): LedgerEntry[] {
    return [...this.byUser.values()];
  }
}

function parse(text: string): LedgerEntry | null {
  try {
    const { userId, erasedAt, sequence } = document.parse(JSON.parse(text));
    return { userId, erasedAt: new Date(erasedAt), sequence };
  } catch {
    return null;
  }
}
