import type { Logger } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import type { Database, Transaction } from '../postgres/database';
import { selectListOf } from '../postgres/entity-columns';
import { type KeysetPosition, keysetStart, keysetTime } from '../postgres/keyset';
import { parseUserId } from '../users/normalized';
import type { UserCache } from '../users/user.cache';
import type { User } from '../users/user.entity';
import { LegalHoldError, UserNotFoundError } from '../users/user.errors';
import type { UserRepository } from '../users/user.repository';
import { InputReader } from '../users/user.validation';
import type { Caller } from '../users/user-changes';
import { Erasure } from './erasure.entity';
import type { LedgerEntry } from './erasure-ledger';
import type { ErasureStarter } from './erasure-starter';
import { addRecords, batchedStores, countRecords, deleteRecords, immediateStores } from './erasure-stores';
import { LegalHold } from './legal-hold.entity';

/** Records that one transaction erases at most. */
const batchSize = 1_000;
/** The user's one entry in the cache, which a tombstone replaces. */
const cacheStore = 'cache';

const columns = selectListOf(Erasure);

/** An erasure as it is told: planned, in progress, or done. */
export type ErasureReport = Pick<Erasure, 'id' | 'userId' | 'requestedAt' | 'completedAt' | 'effects'> & {
  readonly status: 'PLANNED' | Erasure['status'];
};

export interface EraseUser {
  userId: string;
  /** In staff's words, without personal data: it stays. What people say of themselves is not kept. */
  reason?: string | null | undefined;
  /** The policy that asks for it: as if there was no user when the account is in use. */
  policy?: 'RETENTION_DEACTIVATED_DAYS';
}

/** What a replay of the ledger found: a user who was back, or an id that was not known to be erased. */
export type ErasedAgain = 'erased' | 'recorded';

export interface ErasuresOptions {
  database: Database;
  users: UserRepository;
  cache: UserCache;
  erasureStarter: ErasureStarter;
  log: Logger;
  /** How long `erase` goes on before it leaves the rest to the loop. */
  patienceMs: number;
}

/**
 * Erases users. The first transaction makes the user unknown and writes the ledger; what is left goes in batches,
 * each a transaction that counts itself in the ledger, so that any replica can go on wherever another one stopped.
 */
export class Erasures {
  constructor(private readonly options: ErasuresOptions) {}

  /**
   * What erasing would do: the effects of `erase` if nothing else happened meanwhile. Changes nothing.
   *
   * @throws UserNotFoundError, LegalHoldError, InvalidInputError
   */
  async plan(input: EraseUser): Promise<ErasureReport> {
    readReason(input);
    return this.options.database.transaction(async (tx) => {
      const user = await this.lockErasable(tx, input);
      const effects: Record<string, number> = {};
      for (const store of [...immediateStores, ...batchedStores])
        addRecords(effects, store.name, await countRecords(tx, store, user.id));
      effects[cacheStore] = 1;
      const now = new Date();
      return {
        id: uuidv7(),
        userId: user.id,
        status: 'PLANNED',
        requestedAt: now,
        completedAt: null,
        effects,
      };
    });
  }

  /**
   * Makes the user unknown at once and for ever, and begins to erase all records; answers how far that has come.
   *
   * @throws UserNotFoundError, LegalHoldError, InvalidInputError; then nothing is erased
   */
  async erase(caller: Caller, input: EraseUser): Promise<ErasureReport> {
    const reason = readReason(input);
    const erasure = await this.options.database.transaction(async (tx) => {
      const user = await this.lockErasable(tx, input);
      return this.options.erasureStarter.start(tx, {
        caller,
        userId: user.id,
        user,
        ...whyOf(caller, user, input, reason),
      });
    });
    const deadlineMs = performance.now() + this.options.patienceMs;
    try {
      while (performance.now() < deadlineMs && (await this.advance(erasure.id)));
      return (await this.find(erasure.id)) ?? erasure;
    } catch (error) {
      // The user is erased for everybody already; the loop goes on with the rest.
      this.options.log.warn({ err: error, erasureId: erasure.id }, 'an erasure goes on later');
      return erasure;
    }
  }

  /**
   * Erases again what an older backup has brought back, down to the last record; also an id that nobody has, so that
   * nobody gets it. Others are told anew when there was a user of whom something may have been told since.
   *
   * @throws LegalHoldError when somebody has placed a hold since the erasure
   */
  async eraseAgain(caller: Caller, { userId, erasedAt, sequence }: LedgerEntry): Promise<ErasedAgain> {
    const { database, users, erasureStarter } = this.options;
    const { erasure, user } = await database.transaction(async (tx) => {
      const user = await users.lock(tx, userId);
      // A hold that is older than the erasure was released before it, and is back with the backup.
      await tx.manager.query('DELETE FROM legal_holds WHERE user_id = $1 AND placed_at <= $2', [
        userId,
        erasedAt,
      ]);
      await refuseHeld(tx, userId);
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

  /** An erasure by its own id, or null. */
  async find(id: string): Promise<Erasure | null> {
    const [row] = await this.options.database.query<Erasure>(
      `SELECT ${columns} FROM erasures WHERE id = $1`,
      [id],
    );
    return row ?? null;
  }

  /** The erasure of this user that is not completed, or null. */
  async findRunningOf(userId: string): Promise<Erasure | null> {
    const [row] = await this.options.database.query<Erasure>(
      `SELECT ${columns} FROM erasures WHERE user_id = $1 AND status = 'RUNNING'`,
      [parseUserId(userId)],
    );
    return row ?? null;
  }

  /** At most `limit` erasures that are not completed, oldest first, and of those the ones behind `after`. */
  async findRunning(limit: number, after: KeysetPosition = keysetStart): Promise<KeysetPosition[]> {
    return this.options.database.query<KeysetPosition>(
      `SELECT id, ${keysetTime('requested_at')} AS at FROM erasures
       WHERE status = 'RUNNING' AND (requested_at, id) > ($2::timestamptz, $3::uuid)
       ORDER BY requested_at, id LIMIT $1`,
      [limit, after.at, after.id],
    );
  }

  /** Takes the next step of an erasure; false when there is none for now, or another replica is at it. */
  async advance(id: string): Promise<boolean> {
    const step = await this.options.database.transaction(async (tx) => {
      const [erasure]: { userId: string }[] = await tx.manager.query(
        `SELECT user_id AS "userId" FROM erasures WHERE id = $1 AND status = 'RUNNING' FOR UPDATE SKIP LOCKED`,
        [id],
      );
      return erasure
        ? { userId: erasure.userId, erased: await this.eraseBatch(tx, id, erasure.userId) }
        : null;
    });
    if (!step) return false;
    if (step.erased > 0) return true;
    // Until the cache has confirmed its tombstone, the erasure is not complete.
    if (await this.options.cache.bury(step.userId)) await this.complete(id);
    return false;
  }

  private async lockErasable(tx: Transaction, { userId, policy }: EraseUser): Promise<User> {
    const id = parseUserId(userId);
    const user = id === null ? null : await this.options.users.lock(tx, id);
    // An account that is still to be accepted by the AuthenticationService goes by itself.
    if (!user || user.status === 'PENDING') throw new UserNotFoundError();
    if (policy && user.status !== 'DEACTIVATED') throw new UserNotFoundError();
    await refuseHeld(tx, user.id);
    return user;
  }

  private async eraseBatch(tx: Transaction, erasureId: string, userId: string): Promise<number> {
    let erased = 0;
    for (const store of batchedStores) {
      if (erased >= batchSize) break;
      const records = await deleteRecords(tx, store, userId, batchSize - erased);
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
    await this.options.database.query(
      `UPDATE erasures SET status = 'COMPLETED', completed_at = greatest(now(), requested_at),
         effects = effects || jsonb_build_object($2::text, 1) WHERE id = $1 AND status = 'RUNNING'`,
      [id, cacheStore],
    );
  }
}

async function refuseHeld(tx: Transaction, userId: string): Promise<void> {
  const hold = await tx.manager.findOneBy(LegalHold, { userId });
  if (hold) throw new LegalHoldError(hold.placedAt);
}

/** Why, as the ledger and the audit trail keep it. */
function whyOf(caller: Caller, user: User, { policy }: EraseUser, reason: string | null) {
  if (policy) return { reason: policy, auditReason: policy };
  // People may write anything about themselves, and both stay for ever.
  if (parseUserId(caller.actor.id) === user.id) return { reason: null, auditReason: 'USER_REQUESTED' };
  return { reason, auditReason: null };
}

function readReason(input: EraseUser): string | null {
  const reader = new InputReader();
  const reason = reader.optional('reason', input.reason, 1, 500);
  reader.finish();
  return reason;
}
