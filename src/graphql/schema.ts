import type { GraphQLSchema } from 'graphql';
import { type ShownFields, shownFields } from '../personal-data/shown-fields';
import { badUserInput } from '../subgraph/errors';
import { buildFederatedSchema } from '../subgraph/federation';
import { parseUserId } from '../users/normalized';
import type { User } from '../users/user.entity';
import { operations, type SensitiveAction, userFieldsOf } from './access/access';
import { guardAccess } from './access/access-guard';
import { checkOperationAccess } from './access/operation-access-check';
import { checkFieldsAreMapped, piiTags } from './access/pii-tags';
import type { GraphqlContext } from './context';
import { AuditTrailResolver } from './privacy/audit-trail.resolver';
import { ErasureScheduleResolver } from './privacy/erasure-schedule.resolver';
import { PrivacyResolver } from './privacy/privacy.resolver';
import { ExternalIdsResolver } from './users/external-ids.resolver';
import { PhoneVerificationResolver } from './users/phone-verification.resolver';
import { UnsubscribeUrlResolver } from './users/unsubscribe-url.resolver';
import { UserResolver } from './users/user.resolver';
import { toUserType, type UserType, unknownUser } from './users/user.type';
import { UserActivityResolver } from './users/user-activity.resolver';
import { UserCommerceResolver } from './users/user-commerce.resolver';
import { UserEmailPreferencesResolver } from './users/user-email-preferences.resolver';
import { UserHistoryResolver } from './users/user-history.resolver';
import { UserListResolver } from './users/user-list.resolver';
import { UserMutationsResolver } from './users/user-mutations.resolver';

/** Instances of the resolver classes. Empty for a schema that is only printed. */
export type ResolverInstances = readonly (
  | UserResolver
  | UserListResolver
  | UserMutationsResolver
  | UserHistoryResolver
  | ErasureScheduleResolver
  | UserActivityResolver
  | UserCommerceResolver
  | AuditTrailResolver
  | PrivacyResolver
  | UserEmailPreferencesResolver
  | UnsubscribeUrlResolver
  | ExternalIdsResolver
  | PhoneVerificationResolver
)[];

export interface SchemaOptions {
  readonly maxRepresentations?: number;
  /** What users can do to themselves only soon after a sign-in; defaults to all. */
  readonly recentSignInFor?: ReadonlySet<SensitiveAction>;
  /** Readers and data class of each field, by the map of personal data. */
  readonly shown?: ShownFields;
}

const allSensitive: ReadonlySet<SensitiveAction> = new Set(['erase', 'export', 'email']);

/** Returns the subgraph schema, with the access guard installed and personal fields tagged. */
export function createSchema(
  instances: ResolverInstances,
  { maxRepresentations, recentSignInFor = allSensitive, shown = shownFields() }: SchemaOptions = {},
): GraphQLSchema {
  const byClass = new Map<unknown, object>(instances.map((instance) => [instance.constructor, instance]));
  const schema = buildFederatedSchema<GraphqlContext>({
    resolvers: [
      UserResolver,
      UserListResolver,
      UserMutationsResolver,
      UserHistoryResolver,
      ErasureScheduleResolver,
      UserActivityResolver,
      UserCommerceResolver,
      AuditTrailResolver,
      PrivacyResolver,
      UserEmailPreferencesResolver,
      UnsubscribeUrlResolver,
      ExternalIdsResolver,
      PhoneVerificationResolver,
    ],
    container: { get: (resolver) => byClass.get(resolver) },
    references: { User: findReferencedUsers },
    directives: piiTags(shown),
    ...(maxRepresentations === undefined ? {} : { maxRepresentations }),
  });
  checkOperationAccess(checkFieldsAreMapped(schema, shown), shown, operations);
  return guardAccess(schema, userFieldsOf(shown), recentSignInFor);
}

/** Requests share users, and so the types that are made of them. */
const typesOfUsers = new WeakMap<User, UserType>();

function sharedTypeOf(user: User): UserType {
  let type = typesOfUsers.get(user);
  if (!type) {
    type = toUserType(user);
    typesOfUsers.set(user, type);
  }
  return type;
}

/** Resolves references to users. Reads only each `id`, because representations are untrusted input. */
async function findReferencedUsers(
  representations: readonly Readonly<Record<string, unknown>>[],
  { loaders }: GraphqlContext,
): Promise<(UserType | Error)[]> {
  const ids = representations.map(({ id }) => (typeof id === 'string' ? parseUserId(id) : null));
  const users = await loaders.users(ids.filter((id) => id !== null));
  let next = 0;
  return representations.map(({ id }, at) => {
    if (typeof id !== 'string')
      return badUserInput('A representation of User must have an id of type String.');
    const user = ids[at] === null ? null : users[next++];
    if (user instanceof Error) return user;
    return user ? sharedTypeOf(user) : unknownUser(id);
  });
}
