import * as fc from 'fast-check';
import { leafFields } from './user-fields';

/** A query with variables, as a client may send it. */
export interface RandomQuery {
  readonly query: string;
  readonly variables: Record<string, unknown>;
}

const leaves = [...leafFields, '__typename'];
const nested = [
  'address { street city state postalCode country }',
  'emailVerification { status verifiedAt }',
  'phoneVerification { status }',
  'externalIds { system id }',
  'emailPreferences { userId marketing orderUpdates updatedAt }',
  'then: emailPreferences(asOf: $asOf) { newsletter unsubscribedAt }',
  'commerce { orderCount spent { amount currency } loyaltyPoints }',
  'history(first: $first) { nodes { id type occurredAt late summary data } pageInfo { hasNextPage endCursor } }',
  'some: history(first: 2, types: $types) { edges { cursor node { type } } pageInfo { startCursor hasPreviousPage } }',
  'later: history(first: $first, from: $asOf, after: $after) { nodes { eventId } }',
];
const directives = ['', ' @include(if: $yes)', ' @skip(if: $no)', ' @include(if: $no)'];

/** Fields of `User`, some of them aliased, conditional, repeated or in fragments. */
const selection = fc
  .array(
    fc.record({
      leaf: fc.constantFrom(...leaves),
      alias: fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 4 }),
      directive: fc.constantFrom(...directives),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .chain((fields) =>
    fc.record({
      fields: fc.constant(fields),
      below: fc.uniqueArray(fc.constantFrom(...nested), { maxLength: 3 }),
      inFragment: fc.boolean(),
    }),
  )
  .map(({ fields, below, inFragment }) => {
    // An alias stands for one field in a selection.
    const byName = new Map<string, string>();
    for (const { leaf, alias, directive } of fields) {
      const name = alias ?? leaf;
      if (!byName.has(name)) byName.set(name, `${alias ? `${alias}: ` : ''}${leaf}${directive}`);
    }
    const text = ['id', ...byName.values(), ...below].join(' ');
    return inFragment ? `... on User { ${text} }` : text;
  });

const roots = fc.oneof(
  selection.map((fields) => `me { ${fields} }`),
  selection.map((fields) => `user(id: $id) { ${fields} }`),
  selection.map((fields) => `userByEmail(email: $email) { ${fields} }`),
  selection.map(
    (fields) => `users(first: $first, filter: $filter) { nodes { ${fields} } pageInfo { hasNextPage } }`,
  ),
  selection.map((fields) => `users(first: 3) { edges { cursor node { ${fields} } } }`),
  selection.map(
    (fields) =>
      `users(last: $last, first: $first, before: $after, orderBy: $orderBy) { totalCount nodes { ${fields} } pageInfo { hasPreviousPage } }`,
  ),
  selection.map((fields) => `_entities(representations: $r) { __typename ... on User { ${fields} } }`),
  fc.constant('userEmailPreferences(userId: $id) { userId marketing }'),
);

const declarations: Record<string, string> = {
  id: 'ID!',
  email: 'String!',
  first: 'Int',
  last: 'Int',
  orderBy: 'UserOrder',
  filter: 'UserFilter',
  r: '[_Any!]!',
  asOf: 'DateTime',
  after: 'String',
  types: '[HistoryEntryType!]',
  yes: 'Boolean!',
  no: 'Boolean!',
};

/** Queries of any shape about these users; some of their variables are wrong or left out. */
export function randomQueries(users: readonly { id: string; email: string }[]): fc.Arbitrary<RandomQuery> {
  const id = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...users.map((user) => user.id)) },
    fc.constantFrom(...users.map((user) => user.id.toUpperCase())),
    fc.constantFrom('01975a5e-2222-7000-8000-000000000000', 'not-an-id'),
  );
  const variables = fc.record({
    id,
    email: fc.constantFrom(...users.map((user) => user.email), 'unknown@example.com'),
    first: fc.constantFrom(1, 5, 20, 0, null),
    last: fc.constantFrom(1, 3, 101, null),
    orderBy: fc.constantFrom(
      null,
      { field: 'LAST_NAME', direction: 'ASC' },
      { field: 'LAST_SEEN_AT', direction: 'DESC' },
    ),
    filter: fc.constantFrom(null, {}, { status: ['ACTIVE'] }, { status: [] }),
    r: fc.array(
      id.map((it) => ({ __typename: 'User', id: it })),
      { maxLength: 5 },
    ),
    asOf: fc.constantFrom('2026-01-01T00:00:00Z', null),
    after: fc.constantFrom(null, 'not-a-cursor'),
    types: fc.constantFrom(null, ['USER_CREATED'], []),
    yes: fc.constant(true),
    no: fc.constant(false),
  });
  return fc
    .record({
      roots: fc.uniqueArray(roots, {
        minLength: 1,
        maxLength: 2,
        selector: (text) => text.split(/[ ({]/)[0],
      }),
      values: variables,
    })
    .map(({ roots: texts, values }) => {
      const body = texts.join(' ');
      const used = Object.keys(declarations).filter((name) => new RegExp(`\\$${name}\\b`).test(body));
      const head = used.map((name) => `$${name}: ${declarations[name]}`).join(', ');
      return {
        query: `query Random${head ? `(${head})` : ''} { ${body} }`,
        variables: Object.fromEntries(used.map((name) => [name, values[name as keyof typeof values]])),
      };
    });
}
