import type { AuditLog } from '../audit/audit-log';
import type { Database, Transaction } from '../postgres/database';
import type { User } from '../users/user.entity';
import { UserNotFoundError } from '../users/user.errors';
import type { UserRepository } from '../users/user.repository';
import { InputReader } from '../users/user.validation';
import type { Caller } from '../users/user-changes';

export interface ChangeLegalHold {
  userId: string;
  reason: string;
}

/** What a mutation does to a hold, and how it is audited. */
interface HoldChange {
  readonly action: 'LEGAL_HOLD_PLACED' | 'LEGAL_HOLD_RELEASED';
  readonly write: (tx: Transaction, userId: string, reason: string) => Promise<unknown>;
}

/** Places and releases legal holds, which exclude a user's data from erasure and retention. */
export class LegalHolds {
  constructor(
    private readonly database: Database,
    private readonly users: UserRepository,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Places a hold; an existing one is unchanged.
   *
   * @throws UserNotFoundError, InvalidInputError
   */
  async place(caller: Caller, input: ChangeLegalHold): Promise<User> {
    return this.change(caller, input, {
      action: 'LEGAL_HOLD_PLACED',
      write: (tx, userId, reason) =>
        tx.manager.query(
          `INSERT INTO legal_holds (user_id, reason, placed_by, placed_at) VALUES ($1, $2, $3, now())
           ON CONFLICT ON CONSTRAINT legal_holds_pkey DO NOTHING`,
          [userId, reason, caller.actor.id],
        ),
    });
  }

  /**
   * Releases the user's hold; without one it succeeds without effect.
   *
   * @throws UserNotFoundError, InvalidInputError
   */
  async release(caller: Caller, input: ChangeLegalHold): Promise<User> {
    return this.change(caller, input, {
      action: 'LEGAL_HOLD_RELEASED',
      write: (tx, userId) => tx.manager.query('DELETE FROM legal_holds WHERE user_id = $1', [userId]),
    });
  }

  private async change(caller: Caller, input: ChangeLegalHold, { action, write }: HoldChange): Promise<User> {
    const reader = new InputReader();
    const reason = reader.required('reason', input.reason, { maximum: 500 });
    return this.database.transaction(async (tx) => {
      const user = await this.users.lockKnown(tx, input.userId);
      if (user.status === 'PENDING') throw new UserNotFoundError();
      reader.finish();
      await write(tx, user.id, reason);
      await this.audit.record(tx, {
        origin: caller,
        userId: user.id,
        action,
        fields: [],
        // The reason is an encrypted value: it may name people, and a user's export contains the plain reasons.
        reason: null,
        at: new Date(),
        values: { before: null, after: { reason } },
      });
      return user;
    });
  }
}
