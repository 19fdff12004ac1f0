import type { Logger } from 'pino';
import { lockIds } from '../erased/erased-users';
import type { Database, Transaction } from '../postgres/database';
import { selectListOf } from '../postgres/entity-columns';
import { follows, type KeysetPosition, keysetStart, keysetTime } from '../postgres/keyset';
import { newId } from '../postgres/new-id';
import { TimeoutError, within } from '../scheduling/within';
import { parseUserId } from '../users/normalized';
import type { UserCache } from '../users/user.cache';
import type { User } from '../users/user.entity';
import { LegalHoldError } from '../users/user.errors';
import type { UserRepository } from '../users/user.repository';
import type { Caller } from '../users/user-changes';
import { Erasure } from './erasure.entity';
import type { LedgerEntry } from './erasure-ledger';
import { checkErasable, type EraseUser, graceDaysOf, readReason, reasonsOf } from './erasure-request';
import { type ErasureStarter, lockScheduledErasure } from './erasure-starter';
import { addRecords, batchedStores, countRecords, deleteRecords, immediateStores } from './erasure-stores';
import { LegalHold } from './legal-hold.entity';
import type { ScheduledErasures } from './scheduled-erasures';

/** The most records that one transaction deletes. */
const batchSize = 1_000;
/** Stands for the user's cache entry in the effects; a tombstone replaces it. */
const cacheStore = 'cache';
const dayMs = 24 * 60 * 60 * 1000;
const columns = selectListOf(Erasure);

/** An erasure as callers see it. */
export type ErasureReport = Pick<
  Erasure,
  'id' | 'userId' | 'requestedAt' | 'scheduledFor' | 'completedAt' | 'effects'
> & {
  readonly status: 'PLANNED' | Erasure['status'];
};

/** The result of a replayed erasure: a user was erased, or the id was recorded as erased. */
export type ErasedAgain = 'erased' | 'recorded';

export interface ErasuresOptions {
  /** For the first transaction of an erasure, which its caller waits for. */
  database: Database;
  /** For the batches. A pool of its own, because requests must not wait for connections that delete many records. */
  removals: Database;
  users: UserRepository;
  cache: UserCache;
  erasureStarter: ErasureStarter;
  scheduledErasures: ScheduledErasures;
  /** Days after which erasures that people request for themselves are due. */
  ownGraceDays: number;
  log: Logger;
  /** Time after which `erase` leaves the rest to the erasure loop, in milliseconds. */
  patienceMs: number;
}

/**
 * Erases users. The first transaction makes the user unknown and writes the row of `erasures`. The other records are
 * deleted in batches. Each is a transaction that updates that row, so that any replica can continue.
 */
export class Erasures {
  constructor(private readonly options: ErasuresOptions) {}

  /**
   * Returns the effects that `erase` would have. Does not report a legal hold on the caller's own data; `erase` does.
   *
   * @throws UserNotFoundError, AccountFrozenError, LegalHoldError, InvalidInputError
   */
  async plan(caller: Caller, input: EraseUser): Promise<ErasureReport> {
    const { actor } = caller;
    readReason(input);
    const days = graceDaysOf(caller, input, this.options.ownGraceDays);
    return this.options.database.transaction(async (tx) => {
      const user = await this.lockErasable(tx, caller, input);
      const scheduled = input.graceDays === 0 ? null : await lockScheduledErasure(tx, user.id);
      if (parseUserId(actor.id) !== user.id) await checkNotHeld(tx, user.id);
      const effects: Record<string, number> = {};
      for (const store of [...immediateStores, ...batchedStores])
        addRecords(effects, store.name, await countRecords(tx, store, user.id));
      effects[cacheStore] = 1;
      const now = new Date();
      return {
        id: newId(),
        userId: user.id,
        status: 'PLANNED',
        requestedAt: now,
        scheduledFor: scheduled?.scheduledFor ?? (days > 0 ? new Date(now.getTime() + days * dayMs) : null),
        completedAt: null,
        effects,
      };
    });
  }

  /**
   * Makes the user unknown permanently and starts deleting all records; returns the progress. With days of grace it
   * schedules that instead, and returns the scheduled erasure, also if there was one before.
   *
   * @throws UserNotFoundError, AccountFrozenError, LegalHoldError, InvalidInputError; nothing is erased then
   */
  async erase(caller: Caller, input: EraseUser): Promise<ErasureReport> {
    const { database, erasureStarter, ownGraceDays, patienceMs, scheduledErasures } = this.options;
    const deadlineMs = performance.now() + patienceMs;
    const reason = readReason(input);
    const days = graceDaysOf(caller, input, ownGraceDays);
    const erasure = await database.transaction(async (tx) => {
      const user = await this.lockErasable(tx, caller, input);
      const scheduled = await lockScheduledErasure(tx, user.id);
      if (scheduled && input.graceDays !== 0) return scheduled;
      await checkNotHeld(tx, user.id);
      const reasons = reasonsOf(caller, user, input, reason);
      if (days > 0) return scheduledErasures.schedule(tx, caller, { user, days, ...reasons });
      return erasureStarter.start(tx, { caller, userId: user.id, user, ...reasons });
    });
    if (erasure.status === 'SCHEDULED') return erasure;
    try {
      const leftMs = () => deadlineMs - performance.now();
      while (
        leftMs() > 0 &&
        (await within(this.advance(erasure.id, 'wait'), leftMs(), 'the erasure loop continues'))
      );
      return (await this.find(erasure.id)) ?? erasure;
    } catch (error) {
      // The first transaction is committed: the user is unknown.
      if (!(error instanceof TimeoutError))
        this.options.log.warn(
          { err: error, erasureId: erasure.id },
          'could not finish an erasure yet: the erasure loop continues it',
        );
      return erasure;
    }
  }

  /**
   * Erases a user again after a restored backup, with another `UserErased`, or records an id without a user as erased.
   * Returns early if a server's erasure loop works on it: a caller that needs the end waits for `COMPLETED`.
   *
   * @throws LegalHoldError if a hold was placed after the first erasure
   */
  async eraseAgain(caller: Caller, { userId, erasedAt, sequence }: LedgerEntry): Promise<ErasedAgain> {
    const { database, users, erasureStarter } = this.options;
    const { erasure, user } = await database.transaction(async (tx) => {
      await lockIds(tx, [userId]);
      const user = await users.lock(tx, userId);
      // A hold from before the erasure had been released by then; the backup restored it.
      await tx.manager.query('DELETE FROM legal_holds WHERE user_id = $1 AND placed_at <= $2', [
        userId,
        erasedAt,
      ]);
      await checkNotHeld(tx, userId);
      const erasure = await erasureStarter.start(tx, {
        caller,
        userId,
        user,
        reason: 'replayed from the ledger',
        auditReason: 'REPLAYED_FROM_LEDGER',
        earlier: { erasedAt, sequence },
      });
      return { erasure, user };
    });
    while (await this.advance(erasure.id));
    return user ? 'erased' : 'recorded';
  }

  /** Returns an erasure by its own id, or null. */
  async find(id: string): Promise<Erasure | null> {
    const [row] = await this.options.database.query<Erasure>(
      `SELECT ${columns} FROM erasures WHERE id = $1`,
      [id],
    );
    return row ?? null;
  }

  /** Returns the running erasure of a user, or null. */
  async findRunningOf(userId: string): Promise<Erasure | null> {
    const [row] = await this.options.database.query<Erasure>(
      `SELECT ${columns} FROM erasures WHERE user_id = $1 AND status = 'RUNNING'`,
      [parseUserId(userId)],
    );
    return row ?? null;
  }

  /** Returns the ids and request times of a page of running erasures, oldest first. */
  async findRunning(limit: number, after: KeysetPosition = keysetStart): Promise<KeysetPosition[]> {
    const parameters: unknown[] = [limit];
    const bind = (value: unknown) => `$${parameters.push(value)}`;
    return this.options.database.query<KeysetPosition>(
      `SELECT id, ${keysetTime('requested_at')} AS at FROM erasures
       WHERE status = 'RUNNING' AND ${follows('requested_at', after, 'oldest first', bind)}
       ORDER BY requested_at, id LIMIT $1`,
      parameters,
    );
  }

  /**
   * Deletes the next batch of an erasure. Returns false if nothing is left to delete.
   *
   * @param whenLocked while another replica has the lock of the erasure, `skip` returns false and `wait` waits for it
   */
  async advance(id: string, whenLocked: 'skip' | 'wait' = 'skip'): Promise<boolean> {
    const step = await this.options.removals.transaction(async (tx) => {
      const [erasure]: { userId: string }[] = await tx.manager.query(
        `SELECT user_id AS "userId" FROM erasures WHERE id = $1 AND status = 'RUNNING'
         FOR UPDATE ${whenLocked === 'skip' ? 'SKIP LOCKED' : ''}`,
        [id],
      );
      return erasure
        ? { userId: erasure.userId, erased: await this.eraseBatch(tx, id, erasure.userId) }
        : null;
    });
    if (!step) return false;
    if (step.erased > 0) return true;
    // The erasure completes only after the cache has confirmed its tombstone.
    if (await this.options.cache.bury(step.userId)) await this.complete(id);
    return false;
  }

  private async lockErasable(tx: Transaction, caller: Caller, input: EraseUser): Promise<User> {
    const user = await this.options.users.lockKnown(tx, input.userId);
    checkErasable(caller, user, input);
    return user;
  }

  private async eraseBatch(tx: Transaction, erasureId: string, userId: string): Promise<number> {
    let erased = 0;
    for (const store of batchedStores) {
      if (erased >= batchSize) break;
      const records = await deleteRecords(tx, store, { userId, limit: batchSize - erased });
      if (records === 0) continue;
      erased += records;
      await tx.manager.query(
        `UPDATE erasures SET effects = effects ||
           jsonb_build_object($2::text, coalesce((effects ->> $2)::int, 0) + $3::int) WHERE id = $1`,
        [erasureId, store.name, records],
      );
    }
    return erased;
  }

  private async complete(id: string): Promise<void> {
    await this.options.removals.query(
      `UPDATE erasures SET status = 'COMPLETED', completed_at = greatest(now(), requested_at),
         effects = effects || jsonb_build_object($2::text, 1) WHERE id = $1 AND status = 'RUNNING'`,
      [id, cacheStore],
    );
  }
}

async function checkNotHeld(tx: Transaction, userId: string): Promise<void> {
  const hold = await tx.manager.findOneBy(LegalHold, { userId });
  if (hold) throw new LegalHoldError(hold.placedAt);
}
