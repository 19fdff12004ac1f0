import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  isUnionType,
} from 'graphql';
import type { ErrorBudget } from '../../subgraph/error-budget';
import { forbidden, serviceUnavailable } from '../../subgraph/errors';
import type { GraphqlContext } from '../context';
import {
  type Audience,
  checkOperation,
  inputUserId,
  isSelf,
  mayRead,
  operations,
  refuseField,
  type SensitiveAction,
  type UserFields,
} from './access';

type Field = GraphQLField<{ id: string; status?: string }, GraphqlContext, Record<string, unknown>>;

type PreferencesField = GraphQLField<{ emailPreferences: { userId: string } }, GraphqlContext>;

/**
 * Makes each field of Query, Mutation and User check access, in place, and records reads for the audit log.
 *
 * Once the request's deadline aborted, it starts no further query, mutation or loader.
 *
 * Resolvers check nothing themselves. The fields of User cannot be bypassed, because `_entities`, mutations and lists all
 * return User.
 *
 * @throws Error for a field without a rule, and for a rule without a field
 */
export function guardAccess(
  schema: GraphQLSchema,
  userFields: UserFields,
  recentSignInFor: ReadonlySet<SensitiveAction>,
): GraphQLSchema {
  const roots = [schema.getQueryType(), schema.getMutationType()].filter((it) => it != null);
  const user = schema.getType('User') as GraphQLObjectType;
  checkSameNames(
    'operations',
    Object.keys(operations),
    roots.flatMap((it) => Object.keys(it.getFields())),
  );
  checkSameNames('userFields', Object.keys(userFields), Object.keys(user.getFields()));
  // Anyone may call `_entities`, so all types that it returns need guarded fields.
  checkSameNames('entities', ['User'], entityNames(schema));

  const mutations = schema.getMutationType()?.getFields() ?? {};
  for (const field of Object.values(mutations)) refuseFrozenUsers(field as Field);
  for (const root of roots)
    for (const field of Object.values(root.getFields())) guardOperation(field as Field, recentSignInFor);
  for (const field of Object.values(user.getFields()))
    guardUserField(field as Field, userFields[field.name] as Audience);
  const success = schema.getType('UpdateEmailPreferencesSuccess') as GraphQLObjectType;
  recordEmailPreferencesRead(success.getFields().emailPreferences as PreferencesField);
  return schema;
}

/** `EmailPreferences` of a mutation are returned outside of `User`, so the guard of User does not record their read. */
function recordEmailPreferencesRead(field: PreferencesField): void {
  field.resolve = ({ emailPreferences }, _args, { reads }) => {
    reads.add(emailPreferences.userId, field.name);
    return emailPreferences;
  };
}

function guardOperation(field: Field, recentSignInFor: ReadonlySet<SensitiveAction>): void {
  const resolve = field.resolve ?? defaultFieldResolver;
  field.resolve = (source, args, context, info) => {
    if (context.deadline.aborted) throw serviceUnavailable();
    checkOperation(context.actor, { name: field.name, args }, recentSignInFor);
    return resolve(source, args, context, info);
  };
}

/** Refuses calls of frozen users about themselves, whatever their scopes. */
function refuseFrozenUsers(field: Field): void {
  const resolve = field.resolve ?? defaultFieldResolver;
  field.resolve = async (source, args, context, info) => {
    const { actor } = context;
    const userId = inputUserId(args);
    if (actor && isSelf(actor, userId) && (await context.isFrozen(userId as string)))
      throw forbidden(`call ${field.name} for yourself: your account is deactivated for security reasons`);
    return resolve(source, args, context, info);
  };
}

function guardUserField(field: Field, audience: Audience): void {
  if (audience === 'anyone') return;
  const resolve = field.resolve ?? defaultFieldResolver;
  field.resolve = (source, args, context, info) => {
    if (context.deadline.aborted) return null;
    if (!mayRead(context.actor, source.id, audience))
      return refuseField(context.actor, field.name, context.errors);
    // An erased or unknown user has no data, so nothing is read.
    if (source.status !== 'UNKNOWN') context.reads.add(source.id, field.name);
    const value = resolve(source, args, context, info);
    return value instanceof Promise
      ? value.catch((error: unknown) => throwWithin(context.errors, error))
      : value;
  };
}

/** Throws the error of a nullable field, or returns null once the response has its maximum of errors. */
function throwWithin(errors: ErrorBudget, error: unknown): null {
  if (errors.take()) throw error;
  return null;
}

function entityNames(schema: GraphQLSchema): string[] {
  const entities = schema.getType('_Entity');
  return isUnionType(entities) ? entities.getTypes().map(({ name }) => name) : [];
}

function checkSameNames(table: string, ruled: string[], present: string[]): void {
  const missing = present.filter((name) => !ruled.includes(name));
  const stale = ruled.filter((name) => !present.includes(name));
  if (missing.length > 0) throw new Error(`${table} in access.ts lacks ${missing.join(', ')}`);
  if (stale.length > 0)
    throw new Error(`${table} in access.ts has ${stale.join(', ')}, which the schema lacks`);
}
