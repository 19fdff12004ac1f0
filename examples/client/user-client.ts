import { randomUUID } from 'node:crypto';
import {
  CreateUserDocument,
  type CreateUserInput,
  type CreateUserMutation,
  type ProfileFragment,
  ReadUserDocument,
  UpdateUserDocument,
  type UpdateUserInput,
  type UpdateUserMutation,
} from './generated/operations';
import type { GraphClient } from './graph-client';

export type CreateUserResult = NonNullable<CreateUserMutation['createUser']>;
export type UpdateUserResult = NonNullable<UpdateUserMutation['updateUser']>;
type Change = Omit<UpdateUserInput, 'userId' | 'expectedVersion' | 'idempotencyKey'>;

/** The operations on users that this program needs. */
export class UserClient {
  constructor(private readonly graph: GraphClient) {}

  /** Returns null for unknown and erased users. */
  async read(id: string): Promise<ProfileFragment | null> {
    const { user } = await this.graph.send(ReadUserDocument, { id });
    return user;
  }

  /** Creates a user. Repeats have one effect because they carry the same key. */
  async create(input: Omit<CreateUserInput, 'idempotencyKey'>): Promise<CreateUserResult> {
    const variables = { input: { ...input, idempotencyKey: randomUUID() } };
    const { createUser } = await this.graph.send(CreateUserDocument, variables);
    return createUser as CreateUserResult;
  }

  /**
   * Changes a user without overwriting a concurrent change. Calls `changeOf` with the profile as it is, and again when
   * it was changed before the update. Returns null if there is no such user.
   */
  async update(id: string, changeOf: (profile: ProfileFragment) => Change): Promise<UpdateUserResult | null> {
    for (;;) {
      const profile = await this.read(id);
      if (!profile) return null;
      const change = { ...changeOf(profile), userId: id, expectedVersion: profile.version };
      const variables = { input: { ...change, idempotencyKey: randomUUID() } };
      const { updateUser } = await this.graph.send(UpdateUserDocument, variables);
      if (updateUser?.__typename !== 'VersionConflictError') return updateUser as UpdateUserResult;
    }
  }
}
