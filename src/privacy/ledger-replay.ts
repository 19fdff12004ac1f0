import type { Database } from '../postgres/database';
import { LegalHoldError } from '../users/user.errors';
import type { Caller } from '../users/user-changes';
import type { LedgerEntry } from './erasure-ledger';
import type { Erasures } from './erasures';

const entriesPerQuery = 500;

/** The counts of ledger entries by outcome. */
export interface ReplayOutcome {
  /** The user had been restored and was erased again. */
  readonly erasedAgain: number;
  /** There was no user; the id was recorded as erased. */
  readonly recorded: number;
  /** The id was recorded as erased before. */
  readonly alreadyErased: number;
  /** The user had been restored and got a legal hold after the erasure: not erased. */
  readonly held: number;
}

/**
 * Repeats the erasures of a ledger after an older backup of the database was restored. A run that was killed can be
 * repeated: it skips erased users.
 */
export class LedgerReplay {
  constructor(
    private readonly database: Database,
    private readonly erasures: Erasures,
  ) {}

  /**
   * @param dryRun counts and changes nothing
   * @param onEntry called after each entry
   */
  async run(
    caller: Caller,
    entries: readonly LedgerEntry[],
    { dryRun = false, onEntry = () => undefined }: { dryRun?: boolean; onEntry?: () => void } = {},
  ): Promise<ReplayOutcome> {
    const counts = { erasedAgain: 0, recorded: 0, alreadyErased: 0, held: 0 };
    for (let at = 0; at < entries.length; at += entriesPerQuery) {
      const page = entries.slice(at, at + entriesPerQuery);
      const found = await this.find(page.map(({ userId }) => userId));
      for (const entry of page) {
        const { isRestored, isErased, heldAt } = found.get(entry.userId) as Found;
        if (!isRestored && isErased) counts.alreadyErased += 1;
        else if (heldAt && heldAt > entry.erasedAt) counts.held += 1;
        else if (dryRun) counts[isRestored ? 'erasedAgain' : 'recorded'] += 1;
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
      `SELECT ledger.id, users.id IS NOT NULL AS "isRestored", erased_users.user_id IS NOT NULL AS "isErased",
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

/** The state of a ledger entry's id in the database. */
interface Found {
  readonly isRestored: boolean;
  readonly isErased: boolean;
  readonly heldAt: Date | null;
}
