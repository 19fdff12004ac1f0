import { type GraphQLObjectType, type GraphQLSchema, getNamedType, isObjectType, isUnionType } from 'graphql';
import type { Scope } from '../../authentication/actor';
import type { Readers } from '../../personal-data/personal-data';
import type { ShownFields } from '../../personal-data/shown-fields';
import type { OperationRule } from './access';

/** Which scopes let staff at users' data; for a user's own, the export by name is `users:privacy`'s. */
const staffScopes: ReadonlySet<Scope | undefined> = new Set<Scope>(['users:read', 'users:write']);
const selfScopes: ReadonlySet<Scope | undefined> = new Set<Scope>([
  'users:read',
  'users:write',
  'users:privacy',
]);

/** Whether those whom a rule lets call an operation may read, without a `User` around it, what is for these. */
const covers: Readonly<Record<Readers, (rule: OperationRule) => boolean>> = {
  anyone: () => true,
  self: ({ scope }) => selfScopes.has(scope),
  staff: ({ scope, self }) => staffScopes.has(scope) && !self,
  // What becomes of one's own data is told to oneself as well.
  officers: ({ scope }) => scope === 'users:privacy',
  auditors: ({ scope, self }) => scope === 'users:audit' && !self,
  service: () => false,
};

/**
 * Requires that every query and mutation is as closed as what it answers, by the map of personal data. Fields of
 * `User` have guards of their own.
 *
 * @throws Error for an operation that is open to others than the readers of what it answers
 */
export function checkOperationAccess(
  schema: GraphQLSchema,
  shown: ShownFields,
  rules: Readonly<Record<string, OperationRule>>,
): GraphQLSchema {
  const roots = [schema.getQueryType(), schema.getMutationType()].filter((it) => it != null);
  for (const operation of roots.flatMap((it) => Object.values(it.getFields())))
    for (const { name } of typesAnswered(operation.type))
      for (const [field, { readers }] of Object.entries(shown[name] ?? {}))
        if (!covers[readers](rules[operation.name] ?? {}))
          throw new Error(`access.ts: ${operation.name} opens ${name}.${field}, which is for ${readers}`);
  return schema;
}

/** The types within an answer, as far as `User`. */
function typesAnswered(answered: unknown, found = new Set<GraphQLObjectType>()): Set<GraphQLObjectType> {
  const type = getNamedType(answered as GraphQLObjectType);
  if (isUnionType(type)) for (const member of type.getTypes()) typesAnswered(member, found);
  if (!isObjectType(type) || type.name === 'User' || found.has(type)) return found;
  found.add(type);
  for (const { type: inner } of Object.values(type.getFields())) typesAnswered(inner, found);
  return found;
}
