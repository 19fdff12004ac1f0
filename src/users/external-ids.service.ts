import type { Database } from '../postgres/database';
import {
  isExternalSystem,
  maxExternalIds,
  readExternalId,
  readExternalSystem,
  withExternalId,
} from './external-ids';
import { findByExternalId, replaceExternalId } from './external-ids.repository';
import type { Idempotency } from './idempotency';
import type { ExternalId, User } from './user.entity';
import { InvalidInputError, UserNotFoundError } from './user.errors';
import { userUpdated } from './user.events';
import type { UserRepository } from './user.repository';
import { hasUnseenCharacters, InputReader } from './user.validation';
import { type Caller, checkVersion, type UserChanges } from './user-changes';

type Optional<T> = T | null | undefined;

export interface RemoveExternalId {
  userId: string;
  system: string;
  expectedVersion?: Optional<number>;
  idempotencyKey?: Optional<string>;
}

export type SetExternalId = RemoveExternalId & ExternalId;

export interface ExternalIdsOptions {
  readonly database: Database;
  readonly users: UserRepository;
  readonly changes: UserChanges;
  readonly idempotency: Idempotency;
}

/** A change of one external id; null removes it. */
interface ExternalIdChange {
  readonly mutation: string;
  readonly input: RemoveExternalId;
  readonly id: string | null;
}

/** Sets, removes and finds the ids that users have in other systems. Callers check access before. */
export class ExternalIdsService {
  constructor(private readonly options: ExternalIdsOptions) {}

  /** Returns the user with exactly this id in this system, or null. */
  async findUser({ system, id }: ExternalId): Promise<User | null> {
    if (!isExternalSystem(system) || hasUnseenCharacters(id)) return null;
    return findByExternalId(this.options.database, { system, id });
  }

  /**
   * Sets the user's id in a system, replacing the one before. The same id again succeeds without effect.
   *
   * @throws UserNotFoundError, VersionConflictError, InvalidInputError, ExternalIdTakenError, IdempotencyConflictError
   */
  set(caller: Caller, input: SetExternalId): Promise<User> {
    const reader = new InputReader();
    const id = readExternalId(reader, 'id', input.id);
    return this.change(caller, reader, { mutation: 'setExternalId', input, id });
  }

  /**
   * Removes the user's id in a system. Without one it succeeds without effect.
   *
   * @throws UserNotFoundError, VersionConflictError, InvalidInputError, IdempotencyConflictError
   */
  remove(caller: Caller, input: RemoveExternalId): Promise<User> {
    return this.change(caller, new InputReader(), { mutation: 'removeExternalId', input, id: null });
  }

  private async change(
    caller: Caller,
    reader: InputReader,
    { mutation, input, id }: ExternalIdChange,
  ): Promise<User> {
    const { changes, idempotency, users } = this.options;
    const system = readExternalSystem(reader, 'system', input.system);
    reader.idempotencyKey(input.idempotencyKey);
    return idempotency.run({ caller, mutation, input }, async (tx) => {
      const user = await users.lockKnown(tx, input.userId);
      checkVersion(user, input.expectedVersion);
      reader.finish();
      // Nothing was published about a PENDING account yet.
      if (user.status === 'PENDING') throw new UserNotFoundError();
      const current = user.externalIds?.find((it) => it.system === system);
      if ((current?.id ?? null) === id) return user;
      const externalIds = withExternalId(user.externalIds, { system, id });
      if ((externalIds?.length ?? 0) > maxExternalIds)
        throw new InvalidInputError([
          { path: 'system', code: 'TOO_LONG', message: `must be one of at most ${maxExternalIds} systems` },
        ]);
      await replaceExternalId(tx, user.id, { system, id });
      const eventOf = (it: User) => userUpdated(it, ['externalIds']);
      const at = changes.timeFor(user);
      return changes.apply(tx, { user, values: { externalIds }, at, eventOf, origin: caller });
    });
  }
}
