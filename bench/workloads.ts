import { randomBytes } from 'node:crypto';

/** A GraphQL request of the benchmark, which every candidate accepts. */
export interface Operation {
  readonly operationName: string;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** What a caller of the service proves to be; peers have no access control and ignore it. */
export type ActorName = 'public' | 'self' | 'audited' | 'staff';

export interface Workload {
  readonly name: string;
  /** Which of the service's actors run it. */
  readonly actors: readonly ActorName[];
  /** The operation for these users; `fields` is what the actor reads of a user. */
  readonly operation: (ids: readonly string[], actor: ActorName) => Operation;
  /** How many users one operation names. */
  readonly usersPerOperation: number;
  /** Which peers run it. */
  readonly peers: 'all' | 'limit';
}

const publicFields = 'id displayName status';
const personalFields = 'id displayName status email createdAt';
const fieldsOf = (actor: ActorName) => (actor === 'public' ? publicFields : personalFields);

function entities(count: number, actors: readonly ActorName[]): Workload {
  return {
    name: `entities-${count}`,
    actors,
    usersPerOperation: count,
    peers: 'all',
    operation: (ids, actor) => ({
      operationName: 'Entities',
      query: `query Entities($r: [_Any!]!) { _entities(representations: $r) { ... on User { ${fieldsOf(actor)} } } }`,
      variables: { r: ids.map((id) => ({ __typename: 'User', id })) },
    }),
  };
}

const entry = 'nodes { id type occurredAt }';

export const workloads: readonly Workload[] = [
  entities(1, ['public', 'self', 'audited']),
  entities(10, ['public', 'audited']),
  entities(100, ['public', 'audited']),
  {
    name: 'history',
    actors: ['self', 'audited'],
    usersPerOperation: 1,
    peers: 'all',
    operation: ([id]) => ({
      operationName: 'History',
      query: `query History($id: ID!) { user(id: $id) { id history(first: 10) { ${entry} } } }`,
      variables: { id },
    }),
  },
  {
    name: 'list-history',
    actors: ['audited'],
    usersPerOperation: 0,
    peers: 'all',
    operation: () => ({
      operationName: 'ListHistory',
      query: `query ListHistory { users(first: 50) { nodes { id displayName history(first: 5) { ${entry} } } } }`,
      variables: {},
    }),
  },
  {
    name: 'create-user',
    actors: ['staff'],
    usersPerOperation: 0,
    peers: 'limit',
    operation: () => ({
      operationName: 'CreateUser',
      query:
        'mutation CreateUser($input: CreateUserInput!) { createUser(input: $input) { ... on CreateUserSuccess { user { id } } } }',
      variables: {
        input: {
          email: `new.${randomBytes(8).toString('hex')}@example.com`,
          firstName: 'Ada',
          lastName: 'Lovelace',
        },
      },
    }),
  },
  {
    name: 'update-user',
    actors: ['staff'],
    usersPerOperation: 1,
    peers: 'limit',
    operation: ([userId]) => ({
      operationName: 'UpdateUser',
      query:
        'mutation UpdateUser($input: UpdateUserInput!) { updateUser(input: $input) { ... on UpdateUserSuccess { user { id } } } }',
      variables: { input: { userId, displayName: `Name ${randomBytes(4).toString('hex')}` } },
    }),
  },
];
