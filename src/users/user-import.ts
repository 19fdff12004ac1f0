import { isDeepStrictEqual } from 'node:util';
import { findErased } from '../erased/erased-users';
import type { Database, Transaction } from '../postgres/database';
import { DatabaseUnavailableError } from '../postgres/database-unavailable';
import type { Idempotency } from './idempotency';
import { newUser, readNewUser } from './new-user';
import { deactivationReasons, type User } from './user.entity';
import { type FieldProblem, InvalidInputError, UserIdTakenError } from './user.errors';
import { userCreated, userDeactivated } from './user.events';
import type { UserRepository } from './user.repository';
import { InputReader } from './user.validation';
import type { Caller, UserChanges } from './user-changes';
import { type ProfileInput, profileFields } from './user-profile';

/** A user as somebody brings it: as for `createUser`, without a password, and perhaps out of use already. */
export interface ImportedUser extends ProfileInput {
  userId?: string | null | undefined;
  /** `ACTIVE` unless told. */
  status?: string | null | undefined;
  statusReason?: string | null | undefined;
  statusNotes?: string | null | undefined;
}

/** What became of one of them. `exists`: it is there, from this very input or as this input has it. */
export type ImportOutcome =
  | { readonly outcome: 'created' | 'exists'; readonly userId: string }
  | { readonly outcome: 'EMAIL_TAKEN' | 'USERNAME_TAKEN' | 'USER_ID_TAKEN' }
  | { readonly outcome: 'INVALID_INPUT'; readonly fields: readonly FieldProblem[] };

/** How often a batch is tried that crosses with what others write. */
const maxTries = 5;

/** Somebody else has erased or removed a user between two looks at it. */
class CrossedError extends Error {}

interface Candidate {
  readonly digest: string;
  readonly input: ImportedUser;
  readonly user: User;
  readonly deactivation: Deactivation | null;
}

type Deactivation = Pick<User, 'statusReason' | 'statusNotes'>;

/** Brings users in by the batch: each as `createUser` would, with its history, event and audit entry, none for another's fault. */
export class UserImport {
  constructor(
    private readonly database: Database,
    private readonly users: UserRepository,
    private readonly changes: UserChanges,
    private readonly idempotency: Idempotency,
  ) {}

  /**
   * One outcome per input, in their order; all that is written is one transaction. The same input again, here or in
   * a later batch, has no effect: for 7 days it is known by its digest, then by the user being as it says.
   *
   * @throws DatabaseUnavailableError when PostgreSQL stays away
   */
  async import(caller: Caller, inputs: readonly ImportedUser[]): Promise<ImportOutcome[]> {
    const digests = await this.idempotency.digestsOf('import', inputs);
    const read = inputs.map((input, index) => readCandidate(input, digests[index] ?? ''));
    const candidates = read.filter((one) => 'user' in one);
    const outcomes = await this.tryImport(caller, candidates);
    return read.map((one) => ('user' in one ? (outcomes.get(one) as ImportOutcome) : one));
  }

  private async tryImport(
    caller: Caller,
    candidates: readonly Candidate[],
  ): Promise<Map<Candidate, ImportOutcome>> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.database.transaction((tx) => this.write(tx, caller, candidates));
      } catch (error) {
        const crossed = [CrossedError, UserIdTakenError, DatabaseUnavailableError];
        if (!crossed.some((it) => error instanceof it) || tries === maxTries) throw error;
      }
    }
  }

  private async write(
    tx: Transaction,
    caller: Caller,
    candidates: readonly Candidate[],
  ): Promise<Map<Candidate, ImportOutcome>> {
    const outcomes = new Map<Candidate, ImportOutcome>();
    const settle = (them: readonly Candidate[], outcomeOf: (it: Candidate) => ImportOutcome | null) => {
      for (const one of them) {
        const outcome = outcomeOf(one);
        if (outcome) outcomes.set(one, outcome);
      }
      return them.filter((one) => !outcomes.has(one));
    };
    const settleRemembered = async (them: readonly Candidate[]) => {
      const digests = them.map(({ digest }) => digest);
      const remembered = await this.idempotency.findRemembered(tx, caller, digests);
      return settle(them, ({ digest }) => {
        const userId = remembered.get(digest);
        return userId === undefined ? null : { outcome: 'exists', userId };
      });
    };

    let open = await settleRemembered(candidates);
    const erased = await findErased(tx, broughtIds(open));
    open = settle(open, ({ user }) => (erased.has(user.id) ? { outcome: 'USER_ID_TAKEN' } : null));
    const created = await this.create(tx, caller, open);
    open = settle(open, (one) => (created.has(one) ? { outcome: 'created', userId: one.user.id } : null));
    open = await settleRemembered(open);
    const holders = open.length === 0 ? [] : await this.users.findHolders(tx, open.map(userOf));
    settle(open, (one) => outcomeOfTaken(one, holders));
    return outcomes;
  }

  private async create(
    tx: Transaction,
    caller: Caller,
    candidates: readonly Candidate[],
  ): Promise<Set<Candidate>> {
    if (candidates.length === 0) return new Set();
    await this.users.removeExpiredPending(tx, ...candidates.map(userOf));
    const inserted = await this.changes.insertFree(tx, candidates.map(userOf), userCreated, caller);
    const created = candidates.filter(({ user }) => inserted.has(user));
    // Afterwards: the insert waits for an erasure of a brought id that is not committed yet.
    if ((await findErased(tx, broughtIds(created))).size > 0) throw new CrossedError();
    for (const { user, deactivation } of created) {
      if (!deactivation) continue;
      const at = this.changes.timeFor(user);
      const change = { status: 'DEACTIVATED' as const, ...deactivation, statusChangedAt: at };
      await this.changes.apply(tx, user, change, at, userDeactivated, caller);
    }
    const usersByDigest = new Map(created.map(({ digest, user }) => [digest, user.id]));
    await this.idempotency.remember(tx, caller, usersByDigest);
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
  const statusNotes = reader.optional('statusNotes', input.statusNotes, 1, 500);
  const given = input.statusReason?.trim() || null;
  const statusReason = deactivationReasons.find((reason) => reason === given) ?? null;
  if (given !== statusReason)
    reader.problem('statusReason', 'INVALID_FORMAT', `must be one of ${deactivationReasons.join(', ')}`);
  const status = input.status?.trim() || 'ACTIVE';
  if (status === 'DEACTIVATED') return { statusReason: statusReason ?? 'ADMINISTRATIVE_ACTION', statusNotes };
  if (status !== 'ACTIVE') reader.problem('status', 'INVALID_FORMAT', 'must be ACTIVE or DEACTIVATED');
  if (given !== null) reader.problem('statusReason', 'NOT_AVAILABLE', 'goes with status DEACTIVATED');
  if (statusNotes !== null) reader.problem('statusNotes', 'NOT_AVAILABLE', 'goes with status DEACTIVATED');
  return null;
}

const statusFields = ['status', 'statusReason', 'statusNotes'] as const;

/** In the order in which `createUser` finds out: the id, the address, the username. */
function outcomeOfTaken(candidate: Candidate, holders: readonly User[]): ImportOutcome {
  const { user } = candidate;
  const same = holders.find((holder) => isThere(candidate, holder));
  if (same) return { outcome: 'exists', userId: same.id };
  if (holders.some(({ id }) => id === user.id)) return { outcome: 'USER_ID_TAKEN' };
  if (holders.some((holder) => holder.emailNormalized === user.emailNormalized))
    return { outcome: 'EMAIL_TAKEN' };
  if (holders.some((holder) => holder.usernameNormalized === user.usernameNormalized))
    return { outcome: 'USERNAME_TAKEN' };
  throw new CrossedError();
}

/** Whether this user is who the input brings, in everything that the input says. */
function isThere({ input, user, deactivation }: Candidate, holder: User): boolean {
  if (holder.status === 'PENDING' || (input.userId?.trim() && holder.id !== user.id)) return false;
  const wanted = deactivation ? { ...user, ...deactivation, status: 'DEACTIVATED' } : user;
  const compared = input.status?.trim() ? [...profileFields, ...statusFields] : profileFields;
  return compared.every((name) => isDeepStrictEqual(wanted[name], holder[name]));
}

const userOf = ({ user }: Candidate) => user;

/** The ids that were not made here, and may have belonged to somebody. */
function broughtIds(candidates: readonly Candidate[]): string[] {
  return candidates.filter(({ input }) => input.userId?.trim()).map(({ user }) => user.id);
}
