import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  isUnionType,
} from 'graphql';
import type { Actor } from '../../authentication/actor';
import type { ErrorBudget } from '../../subgraph/error-budget';
import { forbidden, serviceUnavailable } from '../../subgraph/errors';
import { type FieldFilter, setObjectGuard } from '../../subgraph/object-guard';
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
  guardUserFields(user, userFields);
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

/** A user of the graph, as far as access rules need it. */
interface Subject {
  readonly id: string;
  readonly status?: string;
}

/** Makes the fields check access, each for executors like graphql-js, and together for those that know `ObjectGuard`. */
function guardUserFields(user: GraphQLObjectType, userFields: UserFields): void {
  const fields = Object.values(user.getFields()) as Field[];
  const unguarded = new Map(fields.map(({ name, resolve }) => [name, resolve]));
  const filterFor = (names: readonly string[]) => filterOf(names, userFields);
  setObjectGuard<Subject, GraphqlContext>(user, { unguarded, filterFor });
  for (const field of fields) {
    const filter = filterFor([field.name]);
    if (filter) guardUserField(field, filter);
  }
}

function guardUserField(field: Field, filter: FieldFilter<Subject, GraphqlContext>): void {
  const resolve = field.resolve ?? defaultFieldResolver;
  field.resolve = (source, args, context, info) => {
    if (filter(source, context) !== null) return null;
    const value = resolve(source, args, context, info);
    return value instanceof Promise
      ? value.catch((error: unknown) => throwWithin(context.errors, error))
      : value;
  };
}

/**
 * Returns the filter of these fields of a user: it decides for the actor and the user, records what the actor reads,
 * and throws FORBIDDEN for refused fields as `refuseField` does.
 */
function filterOf(
  names: readonly string[],
  userFields: UserFields,
): FieldFilter<Subject, GraphqlContext> | null {
  const restricted = names.filter((name) => userFields[name] !== 'anyone');
  if (restricted.length === 0) return null;
  const outcomeFor = (audiences: readonly (Audience | undefined)[]) => {
    const shown = names.map((name) => audiences.includes(userFields[name]));
    return {
      shown: shown.includes(false) ? shown : null,
      read: new Set(restricted.filter((name) => audiences.includes(userFields[name]))),
      refused: restricted.filter((name) => !audiences.includes(userFields[name])),
    };
  };
  const outcomes = {
    anyone: outcomeFor(['anyone']),
    self: outcomeFor(['anyone', 'self']),
    staff: outcomeFor(['anyone', 'self', 'staff']),
  };
  return ({ id, status }, { actor, reads, errors, deadline }) => {
    if (deadline.aborted) return outcomes.anyone.shown;
    const { shown, read, refused } = outcomes[widestAudienceOf(actor, id)];
    for (const field of refused) refuseField(actor, field, errors);
    // An erased or unknown user has no data, so nothing is read.
    if (status !== 'UNKNOWN' && read.size > 0) reads.addAll(id, read);
    return shown;
  };
}

/** Returns the most restricted audience that the actor belongs to for this user. */
function widestAudienceOf(actor: Actor | null, userId: string): Audience {
  if (mayRead(actor, userId, 'staff')) return 'staff';
  return mayRead(actor, userId, 'self') ? 'self' : 'anyone';
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
