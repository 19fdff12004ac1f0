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

describe('the guarded schema', () => {
  it.each([
    ['extend type User { shoeSize: Int }', 'userFields has no class for shoeSize'],
    ['extend type Query { richest: User }', 'operations has no class for richest'],
    ['extend type Mutation { promote: User }', 'operations has no class for promote'],
    ['extend union _Entity = EmailPreferences', 'entities has no class for EmailPreferences'],
  ])('is not built with an element that has no class: %s', (sdl, message) => {
    expect(() => guardAccess(extended(sdl), userFields)).toThrow(message);
  });

  it.each([
    ['User', 'locale', 'userFields names locale, which the schema does not have'],
    ['Query', 'userByEmail', 'operations names userByEmail, which the schema does not have'],
    ['Mutation', 'createUser', 'operations names createUser, which the schema does not have'],
  ])('is not built while a class outlives its field: %s.%s', (type, field, message) => {
    expect(() => guardAccess(without(type, field), userFields)).toThrow(message);
  });

  it('is built of the schema as it is', () => {
    expect(() => guardAccess(createSchema([]), userFields)).not.toThrow();
  });
});
