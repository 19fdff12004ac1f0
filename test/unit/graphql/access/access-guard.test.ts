import { extendSchema, type GraphQLObjectType, parse } from 'graphql';
import { userFields } from '../../../../src/graphql/access/access';
import { guardAccess } from '../../../../src/graphql/access/access-guard';
import { createSchema } from '../../../../src/graphql/schema';

const extended = (sdl: string) => extendSchema(createSchema([]), parse(sdl));

const without = (type: string, field: string) => {
  const schema = createSchema([]);
  delete (schema.getType(type) as GraphQLObjectType).getFields()[field];
  return schema;
};

describe('guardAccess', () => {
  it.each([
    ['extend type User { shoeSize: Int }', 'userFields in access.ts lacks shoeSize'],
    ['extend type Query { richest: User }', 'operations in access.ts lacks richest'],
    ['extend type Mutation { promote: User }', 'operations in access.ts lacks promote'],
    ['extend union _Entity = EmailPreferences', 'entities in access.ts lacks EmailPreferences'],
  ])('throws for an element without a rule: %s', (sdl, message) => {
    expect(() => guardAccess(extended(sdl), userFields, new Set())).toThrow(message);
  });

  it.each([
    ['User', 'locale', 'userFields in access.ts has locale, which the schema lacks'],
    ['Query', 'userByEmail', 'operations in access.ts has userByEmail, which the schema lacks'],
    ['Mutation', 'createUser', 'operations in access.ts has createUser, which the schema lacks'],
  ])('throws for a rule without a field: %s.%s', (type, field, message) => {
    expect(() => guardAccess(without(type, field), userFields, new Set())).toThrow(message);
  });

  it('accepts the current schema', () => {
    expect(() => guardAccess(createSchema([]), userFields, new Set())).not.toThrow();
  });
});
