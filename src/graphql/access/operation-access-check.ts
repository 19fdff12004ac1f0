import { type GraphQLObjectType, type GraphQLSchema, getNamedType, isObjectType, isUnionType } from 'graphql';
import type { Scope } from '../../authentication/actor';
import type { Readers } from '../../personal-data/personal-data';
import type { ShownFields } from '../../personal-data/shown-fields';
import type { OperationRule } from './access';

/** Scopes that permit reading data for staff. */
const staffScopes: ReadonlySet<Scope | undefined> = new Set<Scope>(['users:read', 'users:write']);
/** Scopes that permit reading a user's own data. `users:privacy` may export it. */
const selfScopes: ReadonlySet<Scope | undefined> = new Set<Scope>([
  'users:read',
  'users:write',
  'users:privacy',
]);

/** True if the operation's access rule is at least as strict as the audience. Applies to data outside of `User`. */
const covers: Readonly<Record<Readers, (rule: OperationRule) => boolean>> = {
  anyone: () => true,
  self: ({ scope }) => selfScopes.has(scope),
  staff: ({ scope, self }) => staffScopes.has(scope) && !self,
  // A rule with `self` is strict enough: users may learn what is done with their own data.
  officers: ({ scope }) => scope === 'users:privacy',
  auditors: ({ scope, self }) => scope === 'users:audit' && !self,
  service: () => false,
};

/**
 * Checks that each query and mutation is at least as restricted as the data that it returns, by the map of personal
 * data. Fields of `User` have their own guards.
 *
 * @throws Error for an operation that returns data to callers who may not read it
 */
export function checkOperationAccess(
  schema: GraphQLSchema,
  shown: ShownFields,
  rules: Readonly<Record<string, OperationRule>>,
): GraphQLSchema {
  const roots = [schema.getQueryType(), schema.getMutationType()].filter((it) => it != null);
  for (const operation of roots.flatMap((it) => Object.values(it.getFields())))
    for (const { name } of typesReturnedBy(operation.type))
      for (const [field, { readers }] of Object.entries(shown[name] ?? {}))
        if (!covers[readers](rules[operation.name] ?? {}))
          throw new Error(`${operation.name} exposes ${name}.${field}, which only ${readers} may read`);
  return schema;
}

/**
 * Returns the object types within a return type, except `User` and the types within it. The types within `UserProfile`
 * are left out, too: its own fields have the readers of the past values in them.
 */
function typesReturnedBy(returned: unknown, found = new Set<GraphQLObjectType>()): Set<GraphQLObjectType> {
  const type = getNamedType(returned as GraphQLObjectType);
  if (isUnionType(type)) for (const member of type.getTypes()) typesReturnedBy(member, found);
  if (!isObjectType(type) || type.name === 'User' || found.has(type)) return found;
  found.add(type);
  if (type.name === 'UserProfile') return found;
  for (const { type: inner } of Object.values(type.getFields())) typesReturnedBy(inner, found);
  return found;
}
