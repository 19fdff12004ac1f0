import { createHmac } from 'node:crypto';
import type { Database, Transaction } from '../postgres/database';
import { IdempotencyKey } from './idempotency-key.entity';
import { parseUserId } from './normalized';
import type { SigningKeys } from './signing-keys';
import type { User } from './user.entity';
import {
  CredentialsUnavailableError,
  EmailTakenError,
  ExternalIdTakenError,
  IdempotencyConflictError,
  InvalidInputError,
  UserError,
  UserIdTakenError,
  UserNotActiveError,
  UserNotFoundError,
  UsernameTakenError,
  VersionConflictError,
} from './user.errors';
import type { UserRepository } from './user.repository';
import type { Caller } from './user-changes';

/** The parts of a mutation's call that identify it. */
export interface Call {
  readonly caller: Caller;
  readonly mutation: string;
  readonly input: {
    readonly userId?: string | null | undefined;
    readonly password?: string | null | undefined;
    readonly idempotencyKey?: string | null | undefined;
  };
}

/** Returns the call's idempotency key; null without one. */
export function keyOf({ input }: Pick<Call, 'input'>): string | null {
  return input.idempotencyKey?.trim() || null;
}

/** The outcome of calls whose user was erased since, as the map of personal data assigns it. */
const userErased = 'USER_ERASED';

/** Attempts of a call. Each one after the first follows a call with the same key that was rolled back. */
const maxAttempts = 5;

/** Makes repeated calls have one effect. Stores only digests of key and input, and the outcome. */
export class Idempotency {
  constructor(
    private readonly database: Database,
    private readonly users: UserRepository,
    private readonly keys: SigningKeys,
  ) {}

  /**
   * Runs `work` in a transaction, once for each key of a caller. A repeated call returns the current user or throws the
   * same error again. It may return a `PENDING` user, whose credentials the caller then stores.
   *
   * @throws IdempotencyConflictError if the key was used with another input; and the errors of `work`
   */
  async run(call: Call, work: (tx: Transaction) => Promise<User>): Promise<User> {
    const givenKey = keyOf(call);
    if (givenKey === null) return this.database.transaction(work);
    const actorId = call.caller.actor.id;
    // Clients put e-mail addresses into keys, so only a digest is stored.
    const key = await this.digest('key', givenKey);
    const inputDigest = await this.digest('input', canonical(call));

    for (let attempt = 1; ; attempt += 1) {
      const user = await this.runOnce(call, { actorId, key, inputDigest }, work);
      if (user) return user;
      // In every attempt a concurrent call with this key was rolled back or removed.
      if (attempt === maxAttempts) throw new CredentialsUnavailableError();
    }
  }

  /** Returns null if the previous call with this key was rolled back during this one; the caller then retries. */
  private async runOnce(
    call: Call,
    { actorId, key, inputDigest }: { actorId: string; key: string; inputDigest: string },
    work: (tx: Transaction) => Promise<User>,
  ): Promise<User | null> {
    const result = await this.database.transaction(async (tx) => {
      const [row] = await insertKey(tx, { actorId, key, inputDigest });
      if (!row) {
        const used = await tx.manager.findOneBy(IdempotencyKey, { actorId, key });
        if (!used) return {};
        if (used.outcome !== userErased && used.inputDigest !== inputDigest)
          throw new IdempotencyConflictError();
        return { used };
      }
      try {
        // An expected error rolls back the work and keeps the key.
        const user = await tx.savepoint(work);
        const outcome = user.status === 'PENDING' ? null : 'SUCCESS';
        await tx.manager.update(IdempotencyKey, { actorId, key }, { outcome, userId: user.id });
        return { user };
      } catch (error) {
        // Validation gives the same error again, without a stored outcome.
        if (!(error instanceof UserError) || error instanceof InvalidInputError) throw error;
        const userId = parseUserId(call.input.userId ?? '');
        await tx.manager.update(IdempotencyKey, { actorId, key }, { outcome: error.code, userId });
        return { error };
      }
    });
    if (result.error) throw result.error;
    if (result.user) return result.user;
    return result.used ? this.outcomeOf(result.used, call.mutation) : null;
  }

  /** Returns digests that recognise repeated inputs. Password and idempotency key are not part of them. */
  digestsOf(mutation: string, inputs: readonly Call['input'][]): Promise<string[]> {
    return Promise.all(inputs.map((input) => this.digest('key', canonical({ mutation, input }))));
  }

  /** Returns the user ids of remembered digests that have not expired; null for users that were erased since. */
  async findRemembered(
    tx: Transaction,
    caller: Caller,
    digests: readonly string[],
  ): Promise<Map<string, string | null>> {
    const rows: { key: string; userId: string | null }[] = await tx.manager.query(
      `SELECT key, users.id AS "userId" FROM idempotency_keys LEFT JOIN users ON users.id = user_id
       WHERE actor_id = $1 AND key = ANY ($2::text[]) AND outcome IN ('SUCCESS', '${userErased}')`,
      [caller.actor.id, digests],
    );
    return new Map(rows.map(({ key, userId }) => [key, userId]));
  }

  /** Stores the user id of each digest, in the caller's transaction. */
  async remember(tx: Transaction, caller: Caller, usersByDigest: ReadonlyMap<string, string>): Promise<void> {
    await tx.manager.query(
      `INSERT INTO idempotency_keys (actor_id, key, input_digest, user_id, outcome, created_at)
       SELECT $1, digest, digest, user_id, 'SUCCESS', now()
       FROM unnest($2::text[], $3::uuid[]) AS it (digest, user_id)
       ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO NOTHING`,
      [caller.actor.id, [...usersByDigest.keys()], [...usersByDigest.values()]],
    );
  }

  /** Records success for the call that created this user. */
  async recordSuccess(tx: Transaction, userId: string): Promise<void> {
    await tx.manager.query(
      `UPDATE idempotency_keys SET outcome = 'SUCCESS' WHERE user_id = $1 AND outcome IS NULL`,
      [userId],
    );
  }

  private async outcomeOf(used: IdempotencyKey, mutation: string): Promise<User | null> {
    const user =
      used.userId === null ? undefined : (await this.users.findByIds([used.userId])).get(used.userId);
    if (used.outcome === null) return user ?? null;
    if (used.outcome === 'SUCCESS' || used.outcome === userErased) {
      if (user) return user;
      throw mutation === 'createUser' ? new UserIdTakenError() : new UserNotFoundError();
    }
    if (used.outcome === 'VERSION_CONFLICT')
      throw user ? new VersionConflictError(user.version) : new UserNotFoundError();
    const Repeated = repeatable[used.outcome];
    throw Repeated ? new Repeated() : new Error(`an idempotency key has the unknown outcome ${used.outcome}`);
  }

  /** Keyed, so that a digest does not expose guessable text. */
  private async digest(kind: 'key' | 'input', text: string): Promise<string> {
    const { key } = await this.keys.get('idempotency');
    return createHmac('sha256', key).update(`${kind}\0${text}`).digest('base64url');
  }
}

const repeatable: Record<string, new () => UserError> = {
  USER_NOT_FOUND: UserNotFoundError,
  USER_NOT_ACTIVE: UserNotActiveError,
  EMAIL_TAKEN: EmailTakenError,
  USERNAME_TAKEN: UsernameTakenError,
  USER_ID_TAKEN: UserIdTakenError,
  EXTERNAL_ID_TAKEN: ExternalIdTakenError,
};

/**
 * Returns a text that is equal for equal inputs. It contains only whether there is a password, because not even a
 * digest of a password may be stored.
 */
export function canonical({ mutation, input }: Pick<Call, 'mutation' | 'input'>): string {
  const { idempotencyKey: _, password, ...rest } = input;
  return JSON.stringify([mutation, sortedEntries(rest), password !== null && password !== undefined]);
}

function insertKey(
  tx: Transaction,
  row: { actorId: string; key: string; inputDigest: string },
): Promise<unknown[]> {
  return tx.manager.query(
    `INSERT INTO idempotency_keys (actor_id, key, input_digest, created_at) VALUES ($1, $2, $3, now())
     ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO NOTHING RETURNING key`,
    [row.actorId, row.key, row.inputDigest],
  );
}

/** Removes the order of keys and undefined values; null and absent stay different. */
function sortedEntries(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedEntries);
  if (value === null || typeof value !== 'object') return value;
  return Object.entries(value)
    .filter(([, it]) => it !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, it]) => [name, sortedEntries(it)]);
}
