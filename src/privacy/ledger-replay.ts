import type { Database } from '../postgres/database';
import { LegalHoldError } from '../users/user.errors';
import type { Caller } from '../users/user-changes';
import type { LedgerEntry } from './erasure-ledger';
import type { Erasures } from './erasures';

const entriesPerLookup = 500;

/** How many users of the ledger were found in which state. */
export interface ReplayOutcome {
  /** Were back, and are erased again. */
  readonly erasedAgain: number;
  /** Were not here at all; now it is known here that they are erased. */
  readonly recorded: number;
  /** Were known to be erased. */
  readonly alreadyErased: number;
  /** Were back, and somebody has placed a legal hold since: they are not erased. */
  readonly held: number;
}

/**
 * Erases again whoever the ledger says was erased, after an older backup of the database was restored. Killed, it
 * is run again: whoever is erased is passed over.
 */
export class LedgerReplay {
  constructor(
    private readonly database: Database,
    private readonly erasures: Erasures,
  ) {}

  /**
   * @param dryRun counts, and changes nothing
   * @param onEntry is told after each user
   */
  async run(
    caller: Caller,
    entries: readonly LedgerEntry[],
    { dryRun = false, onEntry = () => undefined }: { dryRun?: boolean; onEntry?: () => void } = {},
  ): Promise<ReplayOutcome> {
    const counts = { erasedAgain: 0, recorded: 0, alreadyErased: 0, held: 0 };
    for (let at = 0; at < entries.length; at += entriesPerLookup) {
      const page = entries.slice(at, at + entriesPerLookup);
      const found = await this.find(page.map(({ userId }) => userId));
      for (const entry of page) {
        const { isBack, isErased, heldAt } = found.get(entry.userId) as Found;
        if (!isBack && isErased) counts.alreadyErased += 1;
        else if (heldAt && heldAt > entry.erasedAt) counts.held += 1;
        else if (dryRun) counts[isBack ? 'erasedAgain' : 'recorded'] += 1;
        else counts[await this.eraseAgain(caller, entry)] += 1;
        onEntry();
      }
    }
    return counts;
  }

  private async eraseAgain(caller: Caller, entry: LedgerEntry): Promise<keyof ReplayOutcome> {
    try {
      return (await this.erasures.eraseAgain(caller, entry)) === 'erased' ? 'erasedAgain' : 'recorded';
    } catch (error) {
      if (error instanceof LegalHoldError) return 'held';
      throw error;
    }
  }

  private async find(userIds: readonly string[]): Promise<Map<string, Found>> {
    const rows = await this.database.query<Found & { id: string }>(
      `SELECT ledger.id, users.id IS NOT NULL AS "isBack", erased_users.user_id IS NOT NULL AS "isErased",
         placed_at AS "heldAt"
       FROM unnest($1::uuid[]) AS ledger (id)
       LEFT JOIN users ON users.id = ledger.id
       LEFT JOIN erased_users ON erased_users.user_id = ledger.id
       LEFT JOIN legal_holds ON legal_holds.user_id = ledger.id`,
      [userIds],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }
}

/** What the database knows of an id of the ledger. */
interface Found {
  readonly isBack: boolean;
  readonly isErased: boolean;
  readonly heldAt: Date | null;
}
