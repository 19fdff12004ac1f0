import { execute, extendSchema, type GraphQLObjectType, parse } from 'graphql';
import { userFields } from '../../../../src/graphql/access/access';
import { guardAccess } from '../../../../src/graphql/access/access-guard';
import { createSchema } from '../../../../src/graphql/schema';
import { UserNotFoundErrorType } from '../../../../src/graphql/users/user-errors.type';
import { UserHistoryResolver } from '../../../../src/graphql/users/user-history.resolver';
import { UserMutationsResolver } from '../../../../src/graphql/users/user-mutations.resolver';
import { ErrorBudget } from '../../../../src/subgraph/error-budget';

const base = createSchema([]);
/** A copy, as the guard changes the schema. */
const extended = (sdl: string) => extendSchema(base, parse(sdl));

const without = (type: string, field: string) => {
  const schema = extended('scalar Copied');
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
    expect(() => guardAccess(extended('scalar Copied'), userFields, new Set())).not.toThrow();
  });
});

describe('an operation whose deadline aborts', () => {
  const userId = '01975a5e-1111-7000-8000-0000000000ad';

  async function run(source: string, resolver: object, whenLoaded: (abort: () => void) => void = () => {}) {
    const controller = new AbortController();
    const calls: string[] = [];
    const instance = Object.assign(resolver, {
      async deactivateUser() {
        calls.push('deactivateUser');
        controller.abort();
        return Object.assign(new UserNotFoundErrorType(), { message: 'No such user.' });
      },
    });
    const result = await execute({
      schema: createSchema([instance as unknown as UserMutationsResolver]),
      document: parse(source),
      contextValue: {
        actor: { id: 'staff', scopes: new Set(['users:write']) },
        deadline: controller.signal,
        errors: new ErrorBudget(),
        entityIds: null,
        reads: { addAll: () => undefined },
        loaders: {
          users: async () => {
            whenLoaded(() => controller.abort());
            return [{ id: userId, status: 'ACTIVE', email: 'ada@example.com' }];
          },
        },
        lateReads: {
          get: async () => ({
            history: async () => {
              calls.push('history');
              return [];
            },
          }),
        },
      },
    });
    return { ...result, calls };
  }

  it('runs no further mutation', async () => {
    const mutation = (name: string) =>
      `${name}: deactivateUser(input: { userId: "${userId}" }) { __typename }`;
    const { data, errors, calls } = await run(
      `mutation { ${mutation('a')} ${mutation('b')} }`,
      Object.create(UserMutationsResolver.prototype) as object,
    );
    expect(calls).toEqual(['deactivateUser']);
    expect(data).toEqual({ a: { __typename: 'UserNotFoundError' }, b: null });
    expect(errors).toMatchObject([{ path: ['b'], extensions: { code: 'SERVICE_UNAVAILABLE' } }]);
  });

  it('starts no further loader and returns no further fields', async () => {
    const source = `{ _entities(representations: [{ __typename: "User", id: "${userId}" }]) {
      ... on User { id email history { nodes { id } } } } }`;
    const { data, calls } = await run(source, new UserHistoryResolver(), (abort) => abort());
    expect(calls).toEqual([]);
    expect(data).toEqual({ _entities: [{ id: userId, email: null, history: null }] });
    expect((await run(source, new UserHistoryResolver())).calls).toEqual(['history']);
  });
});
