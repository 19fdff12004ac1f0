import { execute, extendSchema, type GraphQLSchema, Kind, parse, visit } from 'graphql';
import type { Actor } from '../../../../src/authentication/actor';
import { type OperationRule, operations } from '../../../../src/graphql/access/access';
import { AuditedReads } from '../../../../src/graphql/access/audited-reads';
import { checkOperationAccess } from '../../../../src/graphql/access/operation-access-check';
import { checkFieldsAreMapped } from '../../../../src/graphql/access/pii-tags';
import { createSchema } from '../../../../src/graphql/schema';
import type { DataClass, PersonalColumn } from '../../../../src/personal-data/personal-data';
import { personalDataMap } from '../../../../src/personal-data/personal-data-map';
import { shownFields } from '../../../../src/personal-data/shown-fields';
import { ErrorBudget } from '../../../../src/subgraph/error-budget';
import { printFederatedSchema } from '../../../../src/subgraph/federation';

/** Returns the map with one column of `users` changed. */
function mapWith(column: string, change: Partial<PersonalColumn>) {
  const users = personalDataMap['users'];
  const declared = users?.columns[column];
  if (!users || !declared) throw new Error(`users has no column ${column}`);
  return {
    ...personalDataMap,
    users: { ...users, columns: { ...users.columns, [column]: { ...declared, ...change } } },
  };
}

const schema = createSchema([]);
const schemaWith = (column: string, change: Partial<PersonalColumn>) =>
  createSchema([], { shown: shownFields(mapWith(column, change)) });

const user = { id: '01975a5e-0000-7000-8000-0000000000ad', status: 'ACTIVE', email: 'ada@example.com' };

/** Returns what an actor reads of Ada's address and names under a map. */
async function readUnder(underMap: GraphQLSchema, actor: Actor | null) {
  const loaders = { users: async () => [{ ...user, displayName: 'Countess', firstName: 'Ada' }] };
  const { data } = await execute({
    schema: underMap,
    document: parse(
      `{ _entities(representations: [{ __typename: "User", id: "${user.id}" }]) {
        ... on User { displayName email firstName }
      } }`,
    ),
    contextValue: {
      actor,
      loaders,
      reads: new AuditedReads(actor),
      errors: new ErrorBudget(),
      entityIds: null,
      deadline: new AbortController().signal,
    },
  });
  return (data as { _entities: object[] })._entities[0];
}

const themself: Actor = { id: user.id, scopes: new Set() };
const staff: Actor = { id: 'staff', scopes: new Set(['users:read'] as const) };
const shown = { displayName: 'Countess', email: user.email, firstName: 'Ada' };

describe('the map of personal data', () => {
  it('determines who may read a field of the graph', async () => {
    expect(await readUnder(schema, null)).toEqual({ ...shown, email: null, firstName: null });
    expect(await readUnder(schema, themself)).toEqual(shown);
    expect(await readUnder(schema, staff)).toEqual(shown);

    const open = schemaWith('email', { readers: 'anyone' });
    expect(await readUnder(open, null)).toEqual({ ...shown, firstName: null });
    const closed = schemaWith('first_name', { readers: 'staff' });
    expect(await readUnder(closed, themself)).toEqual({ ...shown, firstName: null });
    expect(await readUnder(closed, staff)).toEqual(shown);
    const hidden = schemaWith('display_name', { readers: 'self' });
    expect(await readUnder(hidden, null)).toEqual({ displayName: null, email: null, firstName: null });
  });

  it('restricts a field to the readers of every column that it shows', () => {
    expect(shownFields()['User']?.['emailPreferences']?.readers).toBe('self');
    const one = mapWith('loyalty', { readers: 'staff' });
    expect(shownFields(one)['User']?.['emailPreferences']?.readers).toBe('staff');
  });

  it.each([
    ['service', 'Field User.email shows data that only the service may read'],
    ['auditors', 'User.email shows data that only auditors may read'],
  ] as const)('throws for a field of User that only %s may read', (readers, message) => {
    expect(() => schemaWith('email', { readers })).toThrow(message);
  });

  it('throws for a field that shows an unmapped column', () => {
    const { users, ...rest } = personalDataMap;
    expect(() => shownFields(rest)).toThrow(
      'Field User.id shows users.id, which is not in the map of personal data',
    );
    expect(users).toBeDefined();
  });

  it.each([
    ['extend type User { shoeSize: Int }', 'lacks User.shoeSize'],
    ['extend type Address { floor: Floor } type Floor { user: User }', 'lacks Address.floor'],
    ['extend type EmailPreferences { hobbies: [String!] }', 'lacks EmailPreferences.hobbies'],
    ['extend type UserEdge { email: String }', 'lacks UserEdge.email'],
    ['extend type CreateUserSuccess { password: String! }', 'lacks CreateUserSuccess.password'],
    ['extend type Query { emailOf(id: ID!): String }', 'lacks Query.emailOf'],
    ['type Pet { name: String }', 'lacks Pet.name'],
  ])('must have every field of the graph: %s', (sdl, message) => {
    expect(() => checkFieldsAreMapped(extendSchema(schema, parse(sdl)), shownFields())).toThrow(message);
  });

  it('throws for operations that expose data to callers who may not read it', () => {
    const opened = (name: string, rule: OperationRule) => () =>
      checkOperationAccess(schema, shownFields(), { ...operations, [name]: rule });
    expect(opened('auditTrail', operations.auditTrail as OperationRule)).not.toThrow();
    expect(opened('auditTrail', { scope: 'users:read' })).toThrow(
      'auditTrail exposes AuditEntry.id, which only auditors may read',
    );
    expect(opened('auditTrail', { scope: 'users:audit', self: () => null })).toThrow(
      'only auditors may read',
    );
    expect(opened('erasure', { scope: 'users:write' })).toThrow(
      'erasure exposes Erasure.id, which only officers may read',
    );
    expect(opened('userEmailPreferences', {})).toThrow(
      'EmailPreferences.marketing, which only self may read',
    );
    expect(opened('userEmailPreferences', { scope: 'users:audit' })).toThrow('which only self may read');
    expect(opened('exportUserData', { anyone: true })).toThrow(
      'UserDataExport.document, which only self may read',
    );
    expect(() => schemaWith('preferences_updated_at', { readers: 'staff' })).toThrow('only staff may read');
  });

  it('throws for a field that the graph lacks', () => {
    const fields = shownFields();
    const [some] = Object.values(fields['User'] ?? {});
    if (!some) throw new Error('no field');
    const more = { ...fields, User: { ...fields['User'], shoeSize: some } };
    expect(() => checkFieldsAreMapped(schema, more)).toThrow('has User.shoeSize, which the graph lacks');
    expect(() => checkFieldsAreMapped(schema, { ...fields, Pet: { name: some } })).toThrow(
      'has Pet, which the',
    );
  });
});

/** Returns the fields tagged `pii` in the SDL. */
function taggedIn(sdl: string): string[] {
  const tagged: string[] = [];
  visit(parse(sdl), {
    ObjectTypeDefinition: ({ name, fields = [] }) => {
      for (const field of fields)
        for (const { name: directive, arguments: args = [] } of field.directives ?? [])
          if (
            directive.value === 'tag' &&
            args[0]?.value.kind === Kind.STRING &&
            args[0].value.value === 'pii'
          )
            tagged.push(`${name.value}.${field.name.value}`);
    },
  });
  return tagged.sort();
}

describe('piiTags', () => {
  it('tag every personal field and no other', () => {
    const personal = Object.entries(shownFields()).flatMap(([type, fields]) =>
      Object.entries(fields).flatMap(([field, { isPersonal }]) => (isPersonal ? [`${type}.${field}`] : [])),
    );
    const tagged = taggedIn(printFederatedSchema(schema));
    expect(tagged).toEqual(personal.sort());
    expect(tagged).toEqual(
      expect.arrayContaining(['User.email', 'User.history', 'Address.city', 'EmailPreferences.newsletter']),
    );
    for (const open of ['User.id', 'User.displayName', 'User.status', 'User.version', 'PageInfo.endCursor'])
      expect(tagged).not.toContain(open);
  });

  it('follow the data class of the column', () => {
    const tagsWith = (column: string, dataClass: DataClass) =>
      taggedIn(printFederatedSchema(schemaWith(column, { dataClass })));
    expect(tagsWith('version', 'behaviour')).toContain('User.version');
    expect(tagsWith('locale', 'technical')).not.toContain('User.locale');
  });
});
