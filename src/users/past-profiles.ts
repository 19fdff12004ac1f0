import { isDeepStrictEqual } from 'node:util';
import type { AuditRepository } from '../audit/audit.repository';
import type { Database } from '../postgres/database';
import { selectListOf } from '../postgres/entity-columns';
import { User } from './user.entity';

/** A user at an earlier time: columns of `User` as JSON has them, so times are texts. */
export type PastProfile = {
  readonly [Column in keyof User]: User[Column] extends Date | null ? string | null : User[Column];
};

/** Actions that record values, but are no version of the user. */
const unversioned = /_REQUESTED$|^(LEGAL_HOLD|COMMERCE|HISTORY|PARKED_MESSAGE)_/;

/** Rebuilds users as they were, by undoing the changes in the audit trail from the present backwards. */
export class PastProfiles {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditRepository,
  ) {}

  /**
   * Returns the user at a time, changes at this instant included. Returns null for a time in the future or before the
   * user was created, and for users that are erased, unknown or not accepted yet.
   *
   * @throws ArchivedTimeError
   */
  async find(userId: string, at: Date): Promise<PastProfile | null> {
    if (at.getTime() > Date.now()) return null;
    return this.database.transaction(async (tx) => {
      // One snapshot, so that no change is missing from the user or from the trail.
      await tx.manager.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      await this.audit.checkNotArchived(at, tx);
      const [user]: User[] = await tx.manager.query(`SELECT ${selectListOf(User)} FROM users WHERE id = $1`, [
        userId,
      ]);
      if (!user || user.status === 'PENDING' || user.createdAt > at) return null;
      const state = JSON.parse(JSON.stringify(user)) as Record<string, unknown> & { version: number };
      for (const { action, values } of await this.audit.listChangesAfter(tx, userId, at)) {
        const { before, after } = values;
        if (action === 'USER_CREATED') return null;
        for (const [name, value] of Object.entries(before ?? {})) if (name in state) state[name] = value;
        // A repeated decision about e-mail is recorded and changes nothing.
        if (!unversioned.test(action) && !isDeepStrictEqual(before, after)) state.version -= 1;
      }
      return state as unknown as PastProfile;
    });
  }
}
