import type { AuditLog } from '../audit/audit-log';
import type { Database } from '../postgres/database';
import type { User } from './user.entity';
import type { UserRepository } from './user.repository';
import type { Caller } from './user-changes';
import type { ImportedUser } from './user-import';
import { profileFields } from './user-profile';

/** A user as a file holds it, which `UserImport` reads back; what is empty is left out. */
export type ListedUser = ImportedUser & { readonly userId: string };

/** Users of whom others know. */
export type ListedStatus = 'ACTIVE' | 'DEACTIVATED';

const readFields = [...profileFields, 'status', 'statusReason', 'statusNotes'] as const;

/** Everybody's profile, for whoever moves users elsewhere; each user who is handed out finds it in the audit trail. */
export class UserDirectory {
  constructor(
    private readonly database: Database,
    private readonly users: UserRepository,
    private readonly audit: AuditLog,
  ) {}

  /** How many there are. */
  count(statuses: readonly ListedStatus[]): Promise<number> {
    return this.users.count(statuses);
  }

  /** At most `limit` of them after the id `after`, by id; answered once it is committed that they were read. */
  async list(
    caller: Caller,
    statuses: readonly ListedStatus[],
    after: string | null,
    limit: number,
  ): Promise<ListedUser[]> {
    return this.database.transaction(async (tx) => {
      const users = await this.users.listById(tx, statuses, after, limit);
      const at = new Date();
      const read = users.map(({ id: userId }) => ({
        origin: caller,
        userId,
        action: 'USER_DATA_EXPORTED' as const,
        fields: [...readFields].sort(),
        reason: 'BULK_EXPORT',
        at,
        values: null,
      }));
      if (read.length > 0) await this.audit.record(tx, ...read);
      return users.map(toListed);
    });
  }
}

function toListed(user: User): ListedUser {
  // Notes of an active user tell why the account came back: nothing to bring elsewhere.
  const names = user.status === 'DEACTIVATED' ? readFields : ([...profileFields, 'status'] as const);
  const known = names.filter((name) => user[name] !== null).map((name) => [name, user[name]]);
  return { userId: user.id, ...Object.fromEntries(known) };
}
