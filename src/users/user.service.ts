import { isDeepStrictEqual } from 'node:util';
import type { CredentialsClient } from '../authentication/credentials-client';
import { findErased, lockIds } from '../erased/erased-users';
import type { Database, Transaction } from '../postgres/database';
import type { AddressChanges } from './address-changes';
import { type Call, type Idempotency, keyOf } from './idempotency';
import { type NewUserInput, newUser, readNewUser } from './new-user';
import { removePending } from './new-users.repository';
import { normalized, ownIdOf, parseUserId } from './normalized';
import { type DeactivationReason, isFrozen, type StoredUserStatus, type User } from './user.entity';
import {
  CredentialsUnavailableError,
  EmailTakenError,
  InvalidInputError,
  UserIdTakenError,
  UserNotFoundError,
  UsernameTakenError,
} from './user.errors';
import { userCreated, userDeactivated, userReactivated, userUpdated } from './user.events';
import type { UserRepository } from './user.repository';
import { InputReader } from './user.validation';
import { type Caller, checkActive, checkVersion, type Decide, type UserChanges } from './user-changes';
import { checkUsername, type ProfileInput, readProfileChanges } from './user-profile';

type Optional<T> = T | null | undefined;

export interface CreateUser extends NewUserInput {
  email: string;
  firstName: string;
  lastName: string;
  password?: Optional<string>;
  idempotencyKey?: Optional<string>;
}

export interface UpdateUser extends ProfileInput {
  userId: string;
  expectedVersion?: Optional<number>;
  idempotencyKey?: Optional<string>;
}

export interface DeactivateUser {
  userId: string;
  reason?: Optional<DeactivationReason>;
  notes?: Optional<string>;
  expectedVersion?: Optional<number>;
  idempotencyKey?: Optional<string>;
}

export type ReactivateUser = Omit<DeactivateUser, 'reason'>;

/** What can be done to the status of an account. */
type StatusChange = 'deactivate' | 'reactivate';

/** Next states. If the state stays the same, nothing is written, unless the call freezes the account (`isFrozen`). */
const transitions: Record<StatusChange, Partial<Record<StoredUserStatus, StoredUserStatus>>> = {
  deactivate: { ACTIVE: 'DEACTIVATED', DEACTIVATED: 'DEACTIVATED' },
  reactivate: { DEACTIVATED: 'ACTIVE', ACTIVE: 'ACTIVE' },
};

interface StatusChangeOptions {
  readonly change: StatusChange;
  readonly input: ReactivateUser;
  readonly statusReason: DeactivationReason | null;
  readonly eventOf: typeof userDeactivated;
}

export interface UserServiceOptions {
  readonly database: Database;
  readonly users: UserRepository;
  readonly changes: UserChanges;
  readonly idempotency: Idempotency;
  readonly addressChanges: AddressChanges;
  /** Cancels a scheduled erasure in the transaction of each reactivation. The user's row is locked. */
  readonly onReactivated: (tx: Transaction, caller: Caller, userId: string) => Promise<void>;
  /** null if there is no AuthenticationService; then passwords are refused. */
  readonly credentials: CredentialsClient | null;
}

/** Creates, changes, deactivates and reactivates users. Callers check access before. */
export class UserService {
  constructor(private readonly options: UserServiceOptions) {}

  /**
   * Creates a user and returns it as `ACTIVE`. With a password, it stores a `PENDING` user first and publishes it when
   * the AuthenticationService accepts the password. After CredentialsUnavailableError the user stays `PENDING`; a call
   * with the same key continues. The address of the user is verified if it equals `verifiedEmail`.
   *
   * @throws InvalidInputError, EmailTakenError, UsernameTakenError, UserIdTakenError, ExternalIdTakenError,
   *   CredentialsUnavailableError, IdempotencyConflictError
   */
  async create(caller: Caller, input: CreateUser, verifiedEmail?: string): Promise<User> {
    const { changes, credentials, idempotency } = this.options;
    const reader = new InputReader();
    const { id, profile } = readNewUser(reader, input);
    const password = reader.password('password', input.password, credentials !== null);
    reader.idempotencyKey(input.idempotencyKey);
    reader.finish();

    const user = newUser(id, profile, password === null ? 'ACTIVE' : 'PENDING');
    if (verifiedEmail !== undefined && normalized(verifiedEmail) === user.emailNormalized)
      Object.assign(user, { emailVerification: 'VERIFIED', emailVerifiedAt: user.createdAt });
    const event = password === null ? userCreated(user) : null;
    const call = { caller, mutation: 'createUser', input };
    // A shared insert has no given or external ids, password or key. If it wrote nothing, the call continues alone.
    const mayShareCommit = event && !input.userId && !user.externalIds && keyOf(call) === null;
    if (mayShareCommit && (await changes.tryInsert({ user, event, origin: caller }))) return user;
    const created = await idempotency.run(call, async (tx) => {
      if (input.userId) await lockIds(tx, [user.id]);
      await changes.insert(tx, { user, event, origin: caller });
      // Runs after the insert, because the insert waits for an uncommitted erasure of this id.
      if (input.userId && (await findErased(tx, [user.id])).size > 0) throw new UserIdTakenError();
      return user;
    });
    if (created.status !== 'PENDING' || password === null) return created;
    return this.storeCredentials(caller, created, password);
  }

  /**
   * Changes the fields in the input: absent is unchanged, null is cleared. A new `email` becomes `pendingEmail`.
   *
   * @throws UserNotFoundError, VersionConflictError, InvalidInputError, UserNotActiveError, EmailTakenError,
   *   UsernameTakenError, IdempotencyConflictError, TooManyAddressChangesError
   */
  async update(caller: Caller, input: UpdateUser): Promise<User> {
    const { addressChanges, changes, users } = this.options;
    const reader = new InputReader();
    const { email, emailNormalized, ...patch } = readProfileChanges(reader, input);
    reader.idempotencyKey(input.idempotencyKey);
    const ownId = ownIdOf(caller.actor.id, input.userId);
    // Users could probe which addresses are in use, so their tries are limited. A failed try counts too.
    if (emailNormalized !== undefined && ownId !== null)
      await addressChanges.countChange(ownId, emailNormalized);
    return this.change({ caller, mutation: 'updateUser', input }, async (user, target) => {
      checkVersion(user, input.expectedVersion);
      if (patch.username !== user.username) checkUsername(reader, patch, user.emailNormalized);
      reader.finish();
      checkActive(user);

      const values: Partial<User> = { ...patch };
      if (email !== undefined && emailNormalized !== undefined) {
        const taken = await users.findTaken(target, emailNormalized, user.id);
        if (taken.email) throw new EmailTakenError();
        // A username that equals the address changes with it on confirmation. That is too late to report a taken one.
        const follows =
          patch.usernameNormalized === undefined && user.usernameNormalized === user.emailNormalized;
        if (follows && taken.username) throw new UsernameTakenError();
        values.pendingEmail = emailNormalized === user.emailNormalized ? null : email;
      }
      const keys = Object.keys(values) as (keyof User)[];
      const changed = keys.filter((key) => !isDeepStrictEqual(values[key], user[key]));
      if (changed.length === 0) return null;
      if (changed.includes('phoneNumber'))
        Object.assign(values, { phoneVerification: 'UNVERIFIED', phoneVerifiedAt: null });
      const names = changed.filter((key) => !key.endsWith('Normalized')).sort();
      const eventOf = (it: User) => userUpdated(it, names);
      return { user, values, at: changes.timeFor(user), eventOf, origin: caller };
    });
  }

  /**
   * Deactivates the account. For a deactivated one the call has no effect, unless it freezes the account.
   *
   * @throws UserNotFoundError, VersionConflictError, InvalidInputError, IdempotencyConflictError
   */
  async deactivate(caller: Caller, input: DeactivateUser): Promise<User> {
    const ownId = ownIdOf(caller.actor.id, input.userId);
    const statusReason = input.reason ?? (ownId === null ? 'ADMINISTRATIVE_ACTION' : 'USER_REQUESTED');
    return this.changeStatus(caller, { change: 'deactivate', input, statusReason, eventOf: userDeactivated });
  }

  /**
   * Reactivates a deactivated account. For an active one it succeeds without effect.
   *
   * @throws UserNotFoundError, VersionConflictError, InvalidInputError, IdempotencyConflictError
   */
  async reactivate(caller: Caller, input: ReactivateUser): Promise<User> {
    const eventOf = userReactivated;
    return this.changeStatus(caller, { change: 'reactivate', input, statusReason: null, eventOf });
  }

  private async changeStatus(caller: Caller, options: StatusChangeOptions): Promise<User> {
    const { change, input, statusReason, eventOf } = options;
    const { changes, idempotency, users } = this.options;
    const reader = new InputReader();
    const statusNotes = reader.optional('notes', input.notes, { maximum: 500 });
    reader.idempotencyKey(input.idempotencyKey);
    const call = { caller, mutation: `${change}User`, input };
    const decide: Decide = async (user) => {
      checkVersion(user, input.expectedVersion);
      reader.finish();
      const status = transitions[change][user.status];
      // A PENDING user is not published yet, so callers get the error for an unknown user.
      if (!status) throw new UserNotFoundError();
      const freezes = statusReason === 'SECURITY_VIOLATION' && !isFrozen(user);
      if (status === user.status && !freezes) return null;
      const at = changes.timeFor(user);
      const values = { status, statusReason, statusNotes, statusChangedAt: at };
      return { user, values, at, eventOf, origin: caller };
    };
    if (change === 'deactivate') return this.change(call, decide);
    // `onReactivated` needs a transaction, so a reactivation cannot share one.
    return idempotency.run(call, async (tx) => {
      const user = await users.lockKnown(tx, input.userId);
      const decided = await decide(user, tx);
      if (!decided) return user;
      const changed = await changes.apply(tx, decided);
      await this.options.onReactivated(tx, caller, user.id);
      return changed;
    });
  }

  /**
   * Changes the user in a batch with concurrent calls. If the batch cannot, or the call has a key, uses a transaction
   * that locks the user. May call `decide` twice.
   */
  private async change(call: Call & { readonly input: { userId: string } }, decide: Decide): Promise<User> {
    const { changes, idempotency, users } = this.options;
    const id = parseUserId(call.input.userId);
    const changed = id === null || keyOf(call) !== null ? null : await changes.tryChange(id, decide);
    if (changed) return changed;
    return idempotency.run(call, async (tx) => {
      const user = await users.lockKnown(tx, call.input.userId);
      const change = await decide(user, tx);
      return change ? changes.apply(tx, change) : user;
    });
  }

  private async storeCredentials(caller: Caller, pending: User, password: string): Promise<User> {
    const { changes, credentials, database, idempotency, users } = this.options;
    const { id: userId, email } = pending;
    const client = credentials as CredentialsClient;
    const result = await client.put({ userId, email, password }, caller.traceparent);
    if (result.outcome === 'unavailable') throw new CredentialsUnavailableError();
    if (result.outcome === 'refused') {
      await database.transaction((tx) => removePending(tx, pending.id));
      throw new InvalidInputError([{ path: 'password', code: 'REJECTED', message: result.reason }]);
    }
    return database.transaction(async (tx) => {
      const user = await users.lock(tx, pending.id);
      // A concurrent attempt of the same call was refused and removed the user.
      if (!user) throw new CredentialsUnavailableError();
      await idempotency.recordSuccess(tx, user.id);
      // A concurrent attempt of the same call was accepted.
      if (user.status !== 'PENDING') return user;
      const at = changes.timeFor(user);
      const values = { status: 'ACTIVE', statusChangedAt: at } as const;
      return changes.apply(tx, { user, values, at, eventOf: userCreated, origin: caller });
    });
  }
}
