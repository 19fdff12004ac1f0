import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  isUnionType,
} from 'graphql';
import type { GraphqlContext } from '../context';
import { type Audience, checkOperation, mayRead, operations, refuseField, type UserFields } from './access';

type Field = GraphQLField<{ id: string; status?: string }, GraphqlContext, Record<string, unknown>>;

type PreferencesField = GraphQLField<{ emailPreferences: { userId: string } }, GraphqlContext>;

/**
 * Puts the access table in front of every field of Query, Mutation and User (`userFields`), in place.
 * Deciding here, and not in resolvers, leaves no way around: `_entities`, mutations and lists all end in User's fields.
 * What is read of somebody else is noted here for the audit log.
 *
 * @throws Error for a field without a class, and for a class without a field.
 */
export function guardAccess(schema: GraphQLSchema, userFields: UserFields): GraphQLSchema {
  const roots = [schema.getQueryType(), schema.getMutationType()].filter((it) => it != null);
  const user = schema.getType('User') as GraphQLObjectType;
  requireSameNames(
    'operations',
    Object.keys(operations),
    roots.flatMap((it) => Object.keys(it.getFields())),
  );
  requireSameNames('userFields', Object.keys(userFields), Object.keys(user.getFields()));
  // `_entities` is open to anyone: only a type whose fields are guarded may be reached through it.
  requireSameNames('entities', ['User'], entityNames(schema));

  for (const root of roots)
    for (const field of Object.values(root.getFields())) guardOperation(field as Field);
  for (const field of Object.values(user.getFields()))
    guardUserField(field as Field, userFields[field.name] as Audience);
  const success = schema.getType('UpdateEmailPreferencesSuccess') as GraphQLObjectType;
  noteEmailPreferences(success.getFields().emailPreferences as PreferencesField);
  return schema;
}

/** Here, and in `userEmailPreferences`, data is answered without a `User` around it. */
function noteEmailPreferences(field: PreferencesField): void {
  field.resolve = ({ emailPreferences }, _args, { reads }) => {
    reads.add(emailPreferences.userId, field.name);
    return emailPreferences;
  };
}

function guardOperation(field: Field): void {
  const resolve = field.resolve ?? defaultFieldResolver;
  field.resolve = (source, args, context, info) => {
    checkOperation(context.actor, field.name, args);
    return resolve(source, args, context, info);
  };
}

function guardUserField(field: Field, audience: Audience): void {
  if (audience === 'anyone') return;
  const resolve = field.resolve ?? defaultFieldResolver;
  field.resolve = (source, args, context, info) => {
    if (!mayRead(context.actor, source.id, audience)) return refuseField(context.actor, field.name);
    // Of somebody who is erased or unknown there is nothing to read.
    if (source.status !== 'UNKNOWN') context.reads.add(source.id, field.name);
    return resolve(source, args, context, info);
  };
}

function entityNames(schema: GraphQLSchema): string[] {
  const entities = schema.getType('_Entity');
  return isUnionType(entities) ? entities.getTypes().map(({ name }) => name) : [];
}

function requireSameNames(table: string, classed: string[], present: string[]): void {
  const missing = present.filter((name) => !classed.includes(name));
  const stale = classed.filter((name) => !present.includes(name));
  if (missing.length > 0) throw new Error(`access.ts: ${table} has no class for ${missing.join(', ')}`);
  if (stale.length > 0)
    throw new Error(`access.ts: ${table} names ${stale.join(', ')}, which the schema does not have`);
}
