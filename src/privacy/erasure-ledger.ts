import { z } from 'zod';
import { parseUserId } from '../users/normalized';

/** An erasure in the ledger of erasures, which is outside the database. */
export interface LedgerEntry {
  readonly userId: string;
  readonly erasedAt: Date;
  /** The last published version; 0 if unknown. */
  readonly sequence: number;
}

const erasure = z.object({
  userId: z.string().transform(parseUserId).pipe(z.string()),
  erasedAt: z.iso.datetime({ offset: true }),
});
/** A line written by hand, or the published event. */
const document = z.union([
  erasure.extend({ sequence: z.coerce.number().int().nonnegative().default(0) }),
  z
    .object({ type: z.literal('UserErased'), sequence: z.string().regex(/^\d+$/), data: erasure })
    .transform(({ sequence, data }) => ({ ...data, sequence: Number(sequence) })),
]);

/** Collects the entries of a ledger of erasures, line by line. */
export class ErasureLedger {
  private readonly byUser = new Map<string, LedgerEntry>();
  /** The number of lines so far. */
  read = 0;
  /** The number of lines that are not an erasure. */
  unreadable = 0;

  /** Adds a line of JSON: `{userId, erasedAt}` with an optional `sequence`, or a `UserErased` event. */
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

  /** One entry per user, with the first erasure and the last published version. */
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
