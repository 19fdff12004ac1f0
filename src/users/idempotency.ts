import { createHmac } from 'node:crypto';
import type { Database, Transaction } from '../postgres/database';
import { IdempotencyKey } from './idempotency-key.entity';
import { parseUserId } from './normalized';
import type { SigningKeys } from './signing-keys';
import type { User } from './user.entity';
import {
  CredentialsUnavailableError,
  EmailTakenError,
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

/** One call of a mutation, as far as repeating it is concerned. */
export interface Call {
  readonly caller: Caller;
  readonly mutation: string;
  readonly input: {
    readonly userId?: string | null | undefined;
    readonly password?: string | null | undefined;
    readonly idempotencyKey?: string | null | undefined;
  };
}

/** How often a call begins anew whose forerunner with the same key left nothing. */
const maxTries = 5;

/** Makes a repeated call have one effect. Keeps digests of key and input, and which answer the call got; no more. */
export class Idempotency {
  constructor(
    private readonly database: Database,
    private readonly users: UserRepository,
    private readonly keys: SigningKeys,
  ) {}

  /**
   * Runs `work` in a transaction, once for each key of a caller. A repeated call answers the user as it is now, or
   * throws the same error again. A user that is still `PENDING` is no answer yet: it comes back to be settled.
   *
   * @throws IdempotencyConflictError when the key was used with another input, and whatever `work` throws
   */
  async run(call: Call, work: (tx: Transaction) => Promise<User>): Promise<User> {
    const givenKey = call.input.idempotencyKey?.trim();
    if (!givenKey) return this.database.transaction(work);
    const actorId = call.caller.actor.id;
    // Callers put addresses into their keys: the key itself rests nowhere either.
    const key = await this.digest('key', givenKey);
    const inputDigest = await this.digest('input', canonical(call));

    for (let tries = 1; ; tries += 1) {
      const user = await this.runOnce(call, { actorId, key, inputDigest }, work);
      if (user) return user;
      // Refused or expired between two looks, again and again: somebody else is at it.
      if (tries === maxTries) throw new CredentialsUnavailableError();
    }
  }

  /** Null when nothing is left of the call that had the key: the next try begins anew. */
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
        if (used.inputDigest !== inputDigest) throw new IdempotencyConflictError();
        return { used };
      }
      try {
        // An expected error undoes the work and keeps the answer.
        const user = await tx.savepoint(work);
        const outcome = user.status === 'PENDING' ? null : 'SUCCESS';
        await tx.manager.update(IdempotencyKey, { actorId, key }, { outcome, userId: user.id });
        return { user };
      } catch (error) {
        // Wrong input is wrong again when repeated: it needs no memory.
        if (!(error instanceof UserError) || error instanceof InvalidInputError) throw error;
        const userId = parseUserId(call.input.userId ?? '');
        await tx.manager.update(IdempotencyKey, { actorId, key }, { outcome: error.code, userId });
        return { error };
      }
    });
    if (result.error) throw result.error;
    if (result.user) return result.user;
    return result.used ? this.repeat(result.used) : null;
  }

  /** The digests that these inputs are known by when they come again; password and key are no part of them. */
  digestsOf(mutation: string, inputs: readonly Call['input'][]): Promise<string[]> {
    return Promise.all(inputs.map((input) => this.digest('key', canonical({ mutation, input }))));
  }

  /** Whom each of these digests led to, of those that were remembered and not forgotten since. */
  async findRemembered(
    tx: Transaction,
    caller: Caller,
    digests: readonly string[],
  ): Promise<Map<string, string>> {
    const rows: { key: string; userId: string }[] = await tx.manager.query(
      `SELECT key, user_id AS "userId" FROM idempotency_keys
       WHERE actor_id = $1 AND key = ANY ($2::text[]) AND outcome = 'SUCCESS'`,
      [caller.actor.id, digests],
    );
    return new Map(rows.map(({ key, userId }) => [key, userId]));
  }

  /** Remembers, in the caller's transaction, whom each of these digests led to. */
  async remember(tx: Transaction, caller: Caller, usersByDigest: ReadonlyMap<string, string>): Promise<void> {
    await tx.manager.query(
      `INSERT INTO idempotency_keys (actor_id, key, input_digest, user_id, outcome, created_at)
       SELECT $1, digest, digest, user_id, 'SUCCESS', now()
       FROM unnest($2::text[], $3::uuid[]) AS it (digest, user_id)
       ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO NOTHING`,
      [caller.actor.id, [...usersByDigest.keys()], [...usersByDigest.values()]],
    );
  }

  /** The call that created this user has its answer. */
  async settle(tx: Transaction, userId: string): Promise<void> {
    await tx.manager.query(
      `UPDATE idempotency_keys SET outcome = 'SUCCESS' WHERE user_id = $1 AND outcome IS NULL`,
      [userId],
    );
  }

  private async repeat(used: IdempotencyKey): Promise<User | null> {
    const user =
      used.userId === null ? undefined : (await this.users.findByIds([used.userId])).get(used.userId);
    if (used.outcome === null) return user ?? null;
    if (used.outcome === 'SUCCESS') {
      if (!user) throw new UserNotFoundError();
      return user;
    }
    if (used.outcome === 'VERSION_CONFLICT')
      throw user ? new VersionConflictError(user.version) : new UserNotFoundError();
    const Repeated = repeatable[used.outcome];
    throw Repeated
      ? new Repeated()
      : new Error(`an idempotency key holds the unknown outcome ${used.outcome}`);
  }

  /** Keyed, so that the digest of something guessable tells nothing. */
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
};

/** The input as text. Of a password only whether there is one: it must rest nowhere, not even as a digest. */
function canonical({ mutation, input }: Pick<Call, 'mutation' | 'input'>): string {
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

/** Key order is no part of an input; absent and undefined are the same, null is not. */
function sortedEntries(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedEntries);
  if (value === null || typeof value !== 'object') return value;
  return Object.entries(value)
    .filter(([, it]) => it !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, it]) => [name, sortedEntries(it)]);
}
