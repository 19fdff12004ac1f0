import type { AuditLog } from '../audit/audit-log';
import type { Database, Transaction } from '../postgres/database';
import { parseUserId } from '../users/normalized';
import type { User } from '../users/user.entity';
import { UserNotFoundError } from '../users/user.errors';
import type { UserRepository } from '../users/user.repository';
import { InputReader } from '../users/user.validation';
import type { Caller } from '../users/user-changes';

export interface ChangeLegalHold {
  userId: string;
  reason: string;
}

/** Legal holds: while a user has one, neither erasure nor retention touches the user's data. */
export class LegalHolds {
  constructor(
    private readonly database: Database,
    private readonly users: UserRepository,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Places a hold; one that is there already stays as it is.
   *
   * @throws UserNotFoundError, InvalidInputError
   */
  async place(caller: Caller, input: ChangeLegalHold): Promise<User> {
    return this.change(caller, 'LEGAL_HOLD_PLACED', input, (tx, userId, reason) =>
      tx.manager.query(
        `INSERT INTO legal_holds (user_id, reason, placed_by, placed_at) VALUES ($1, $2, $3, now())
         ON CONFLICT ON CONSTRAINT legal_holds_pkey DO NOTHING`,
        [userId, reason, caller.actor.id],
      ),
    );
  }

  /**
   * Releases the user's hold; a success without effect where there is none.
   *
   * @throws UserNotFoundError, InvalidInputError
   */
  async release(caller: Caller, input: ChangeLegalHold): Promise<User> {
    return this.change(caller, 'LEGAL_HOLD_RELEASED', input, (tx, userId) =>
      tx.manager.query('DELETE FROM legal_holds WHERE user_id = $1', [userId]),
    );
  }

  private async change(
    caller: Caller,
    action: 'LEGAL_HOLD_PLACED' | 'LEGAL_HOLD_RELEASED',
    input: ChangeLegalHold,
    write: (tx: Transaction, userId: string, reason: string) => Promise<unknown>,
  ): Promise<User> {
    const reader = new InputReader();
    const reason = reader.required('reason', input.reason, 1, 500);
    return this.database.transaction(async (tx) => {
      const id = parseUserId(input.userId);
      const user = id === null ? null : await this.users.lock(tx, id);
      if (!user || user.status === 'PENDING') throw new UserNotFoundError();
      reader.finish();
      await write(tx, user.id, reason);
      const at = new Date();
      const origin = caller;
      // Why is a value: staff may name people, and whom it is about may read the reasons of entries in an export.
      const values = { before: null, after: { reason } };
      await this.audit.record(tx, {
        origin,
        userId: user.id,
        action,
        fields: [],
        reason: null,
        at,
        values,
      });
      return user;
    });
  }
}
