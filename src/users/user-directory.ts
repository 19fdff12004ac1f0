import type { AuditLog } from '../audit/audit-log';
import type { Database } from '../postgres/database';
import type { User } from './user.entity';
import type { UserIdPage, UserRepository } from './user.repository';
import type { Caller } from './user-changes';
import type { ImportedUser } from './user-import';
import { profileFields } from './user-profile';

/** A user in the form that `UserImport` reads; empty fields are absent. */
export type ListedUser = ImportedUser & { readonly userId: string };

/** The statuses of published users. */
export type ListedStatus = 'ACTIVE' | 'DEACTIVATED';

export type ListedPage = UserIdPage & { readonly statuses: readonly ListedStatus[] };

const readFields = [...profileFields, 'externalIds', 'status', 'statusReason', 'statusNotes'] as const;

/** Lists the profiles of all users for a bulk export. Each page gets an audit entry with its users. */
export class UserDirectory {
  constructor(
    private readonly database: Database,
    private readonly users: UserRepository,
    private readonly audit: AuditLog,
  ) {}

  /** Returns the number of users with these statuses. */
  count(statuses: readonly ListedStatus[]): Promise<number> {
    return this.users.count(statuses);
  }

  /** Returns a page of users, ordered by id, after their audit entries are committed. */
  async list(caller: Caller, page: ListedPage): Promise<ListedUser[]> {
    return this.database.transaction(async (tx) => {
      const users = await this.users.listById(tx, page);
      const fields = new Set(readFields);
      if (users.length > 0)
        await this.audit.recordAccess(tx, {
          origin: caller,
          action: 'USER_DATA_EXPORTED',
          fieldsByUser: new Map(users.map(({ id }) => [id, fields])),
          reason: 'BULK_EXPORT',
          at: new Date(),
        });
      return users.map(toListed);
    });
  }
}

function toListed(user: User): ListedUser {
  // Notes of an active user explain its reactivation; an import would refuse them.
  const names =
    user.status === 'DEACTIVATED' ? readFields : ([...profileFields, 'externalIds', 'status'] as const);
  const known = names.filter((name) => user[name] !== null).map((name) => [name, user[name]]);
  return { userId: user.id, ...Object.fromEntries(known) };
}
