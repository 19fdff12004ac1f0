import { isDeepStrictEqual } from 'node:util';
import { findErased, lockIds } from '../erased/erased-users';
import type { Database, Transaction } from '../postgres/database';
import { DatabaseUnavailableError } from '../postgres/database-unavailable';
import type { Idempotency } from './idempotency';
import { type NewUserInput, newUser, readNewUser } from './new-user';
import { findHolders, removeExpiredPending } from './new-users.repository';
import { deactivationReasons, type User } from './user.entity';
import { type FieldProblem, InvalidInputError, UserIdTakenError } from './user.errors';
import { userCreated, userDeactivated } from './user.events';
import { InputReader } from './user.validation';
import type { Caller, UserChanges } from './user-changes';
import { profileFields } from './user-profile';

/** A user to import: the input of `createUser` without a password, with a status. */
export interface ImportedUser extends NewUserInput {
  /** `ACTIVE` or `DEACTIVATED`; defaults to `ACTIVE`. */
  status?: string | null | undefined;
  statusReason?: string | null | undefined;
  statusNotes?: string | null | undefined;
}

/**
 * The outcome of one input. `exists`: the same input was imported before, or a user with exactly these values exists.
 */
export type ImportOutcome =
  | { readonly outcome: 'created' | 'exists'; readonly userId: string }
  | { readonly outcome: 'EMAIL_TAKEN' | 'USERNAME_TAKEN' | 'USER_ID_TAKEN' | 'EXTERNAL_ID_TAKEN' }
  | { readonly outcome: 'INVALID_INPUT'; readonly fields: readonly FieldProblem[] };

/** Attempts of a batch after a conflict with a concurrent write, or while PostgreSQL is unavailable. */
const maxAttempts = 5;

/** A concurrent transaction erased or removed a user between two reads of this one. */
class ConcurrentRemovalError extends Error {}

interface Candidate {
  readonly digest: string;
  readonly input: ImportedUser;
  readonly user: User;
  readonly deactivation: Deactivation | null;
}

type Deactivation = Pick<User, 'statusReason' | 'statusNotes'>;

export interface UserImportOptions {
  readonly database: Database;
  readonly changes: UserChanges;
  readonly idempotency: Idempotency;
}

/**
 * Imports users in batches. Each gets its history entry, event and audit entry as by `createUser`. A wrong input does
 * not affect the others.
 */
export class UserImport {
  constructor(private readonly options: UserImportOptions) {}

  /**
   * Returns one outcome per input, in their order, and writes in one transaction. A repeated input has no effect: for
   * 7 days its digest is remembered, after that its values are compared with the user's.
   *
   * @throws the error of the last attempt: DatabaseUnavailableError; or UserIdTakenError or ConcurrentRemovalError after
   *   conflicts
   */
  async import(caller: Caller, inputs: readonly ImportedUser[]): Promise<ImportOutcome[]> {
    const digests = await this.options.idempotency.digestsOf('import', inputs);
    const read = inputs.map((input, index) => readCandidate(input, digests[index] ?? ''));
    const candidates = read.filter((one) => 'user' in one);
    const outcomes = await this.tryImport(caller, candidates);
    return read.map((one) => ('user' in one ? (outcomes.get(one) as ImportOutcome) : one));
  }

  private async tryImport(
    caller: Caller,
    candidates: readonly Candidate[],
  ): Promise<Map<Candidate, ImportOutcome>> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.options.database.transaction((tx) => this.write(tx, caller, candidates));
      } catch (error) {
        // UserIdTakenError: an erasure committed during the insert. The next attempt finds the erased id.
        const retried = [ConcurrentRemovalError, UserIdTakenError, DatabaseUnavailableError];
        if (!retried.some((it) => error instanceof it) || attempt === maxAttempts) throw error;
      }
    }
  }

  private async write(
    tx: Transaction,
    caller: Caller,
    candidates: readonly Candidate[],
  ): Promise<Map<Candidate, ImportOutcome>> {
    const { idempotency } = this.options;
    const outcomes = new Map<Candidate, ImportOutcome>();
    const decide = (them: readonly Candidate[], outcomeOf: (it: Candidate) => ImportOutcome | null) => {
      for (const one of them) {
        const outcome = outcomeOf(one);
        if (outcome) outcomes.set(one, outcome);
      }
      return them.filter((one) => !outcomes.has(one));
    };
    const decideRemembered = async (them: readonly Candidate[]) => {
      const digests = them.map(({ digest }) => digest);
      const remembered = await idempotency.findRemembered(tx, caller, digests);
      return decide(them, ({ digest }) => {
        const userId = remembered.get(digest);
        if (userId === undefined) return null;
        // null: the imported user was erased since.
        return userId === null ? { outcome: 'USER_ID_TAKEN' } : { outcome: 'exists', userId };
      });
    };

    await lockIds(tx, givenIds(candidates));
    let open = await decideRemembered(candidates);
    const erased = await findErased(tx, givenIds(open));
    open = decide(open, ({ user }) => (erased.has(user.id) ? { outcome: 'USER_ID_TAKEN' } : null));
    const created = await this.create(tx, caller, open);
    open = decide(open, (one) => (created.has(one) ? { outcome: 'created', userId: one.user.id } : null));
    // Finds inputs that are repeated in this batch or were imported concurrently.
    open = await decideRemembered(open);
    const holders = open.length === 0 ? [] : await findHolders(tx, open.map(userOf));
    decide(open, (one) => outcomeOfTaken(one, holders));
    return outcomes;
  }

  private async create(
    tx: Transaction,
    caller: Caller,
    candidates: readonly Candidate[],
  ): Promise<Set<Candidate>> {
    if (candidates.length === 0) return new Set();
    const { changes, idempotency } = this.options;
    await removeExpiredPending(tx, ...candidates.map(userOf));
    const inserted = await changes.insertFree(tx, {
      users: candidates.map(userOf),
      eventOf: userCreated,
      origin: caller,
    });
    const created = candidates.filter(({ user }) => inserted.has(user));
    // Runs after the insert, because the insert waits for uncommitted erasures of these ids.
    if ((await findErased(tx, givenIds(created))).size > 0) throw new ConcurrentRemovalError();
    for (const { user, deactivation } of created) {
      if (!deactivation) continue;
      const at = changes.timeFor(user);
      const values = { status: 'DEACTIVATED' as const, ...deactivation, statusChangedAt: at };
      await changes.apply(tx, { user, values, at, eventOf: userDeactivated, origin: caller });
    }
    const usersByDigest = new Map(created.map(({ digest, user }) => [digest, user.id]));
    await idempotency.remember(tx, caller, usersByDigest);
    return new Set(created);
  }
}

function readCandidate(input: ImportedUser, digest: string): Candidate | ImportOutcome {
  const reader = new InputReader();
  const { id, profile } = readNewUser(reader, input);
  const deactivation = readDeactivation(reader, input);
  try {
    reader.finish();
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return { outcome: 'INVALID_INPUT', fields: error.fields };
  }
  return { digest, input, user: newUser(id, profile, 'ACTIVE'), deactivation };
}

function readDeactivation(reader: InputReader, input: ImportedUser): Deactivation | null {
  const statusNotes = reader.optional('statusNotes', input.statusNotes, { maximum: 500 });
  const given = input.statusReason?.trim() || null;
  const statusReason = deactivationReasons.find((reason) => reason === given) ?? null;
  if (given !== statusReason)
    reader.problem('statusReason', 'INVALID_FORMAT', `must be one of ${deactivationReasons.join(', ')}`);
  const status = input.status?.trim() || 'ACTIVE';
  if (status === 'DEACTIVATED') return { statusReason: statusReason ?? 'ADMINISTRATIVE_ACTION', statusNotes };
  if (status !== 'ACTIVE') reader.problem('status', 'INVALID_FORMAT', 'must be ACTIVE or DEACTIVATED');
  if (given !== null)
    reader.problem('statusReason', 'NOT_AVAILABLE', 'is only allowed with status DEACTIVATED');
  if (statusNotes !== null)
    reader.problem('statusNotes', 'NOT_AVAILABLE', 'is only allowed with status DEACTIVATED');
  return null;
}

/** The fields in which a stored user must equal an input without status to count as imported. */
const comparedFields = [...profileFields, 'externalIds'] as const;

export const statusFields = ['status', 'statusReason', 'statusNotes'] as const;

/** Checks the id, the address, the username and the external ids in the order of `createUser`. */
function outcomeOfTaken(candidate: Candidate, holders: readonly User[]): ImportOutcome {
  const { user } = candidate;
  const same = holders.find((holder) => isImported(candidate, holder));
  if (same) return { outcome: 'exists', userId: same.id };
  if (holders.some(({ id }) => id === user.id)) return { outcome: 'USER_ID_TAKEN' };
  if (holders.some((holder) => holder.emailNormalized === user.emailNormalized))
    return { outcome: 'EMAIL_TAKEN' };
  if (holders.some((holder) => holder.usernameNormalized === user.usernameNormalized))
    return { outcome: 'USERNAME_TAKEN' };
  if (holders.some((holder) => haveCommonId(holder, user))) return { outcome: 'EXTERNAL_ID_TAKEN' };
  throw new ConcurrentRemovalError();
}

function haveCommonId(one: User, other: User): boolean {
  const theirs = other.externalIds ?? [];
  return (one.externalIds ?? []).some((id) => theirs.some((it) => isDeepStrictEqual(it, id)));
}

/**
 * True if the user's profile and external ids equal those that the input would create. The status counts only if the
 * input has one.
 */
function isImported({ input, user, deactivation }: Candidate, holder: User): boolean {
  if (holder.status === 'PENDING' || (input.userId?.trim() && holder.id !== user.id)) return false;
  const wanted = deactivation ? { ...user, ...deactivation, status: 'DEACTIVATED' } : user;
  const compared = input.status?.trim() ? [...comparedFields, ...statusFields] : comparedFields;
  return compared.every((name) => isDeepStrictEqual(wanted[name], holder[name]));
}

const userOf = ({ user }: Candidate) => user;

/** Returns the ids that the input gives: unlike generated ids, they may belong to an erased user. */
function givenIds(candidates: readonly Candidate[]): string[] {
  return candidates.filter(({ input }) => input.userId?.trim()).map(({ user }) => user.id);
}
