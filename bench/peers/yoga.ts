import { createServer } from 'node:http';
import { useGraphQlJit } from '@envelop/graphql-jit';
import SchemaBuilder from '@pothos/core';
import DataloaderPlugin from '@pothos/plugin-dataloader';
import DirectivesPlugin from '@pothos/plugin-directives';
import FederationPlugin from '@pothos/plugin-federation';
import DataLoader from 'dataloader';
import { createYoga } from 'graphql-yoga';
import { Pool } from 'pg';

/** GraphQL Yoga with graphql-jit, Pothos and its loaders, on pg. */
const pool = new Pool({ connectionString: process.env['DATABASE_URL'], max: 10 });

interface User {
  id: string;
  displayName: string | null;
  status: string;
}
interface Entry {
  id: string;
  type: string;
  occurredAt: string;
}
interface Context {
  users: DataLoader<string, User>;
  history: Map<number, DataLoader<string, Entry[]>>;
}

const columns = 'id, display_name AS "displayName", status';

function createUserLoader(): DataLoader<string, User> {
  return new DataLoader(async (ids) => {
    const { rows } = await pool.query<User>({
      name: 'users',
      text: `SELECT ${columns} FROM users WHERE id = ANY ($1::uuid[])`,
      values: [ids],
    });
    const found = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => found.get(id) ?? { id, displayName: null, status: 'UNKNOWN' });
  });
}

function createHistoryLoader(first: number): DataLoader<string, Entry[]> {
  return new DataLoader(async (ids) => {
    const { rows } = await pool.query({
      name: 'history',
      text: `SELECT u.id AS "userId", h.id, h.type, h.occurred_at
        FROM unnest($1::uuid[]) AS u (id) CROSS JOIN LATERAL (
          SELECT id, type, occurred_at FROM user_history WHERE user_id = u.id
          ORDER BY occurred_at DESC, user_history.id DESC LIMIT $2) AS h`,
      values: [ids, first],
    });
    const pages = new Map<string, Entry[]>(ids.map((id) => [id, []]));
    for (const row of rows) {
      pages.get(row.userId)?.push({ id: row.id, type: row.type, occurredAt: row.occurred_at.toISOString() });
    }
    return ids.map((id) => pages.get(id) ?? []);
  });
}

const builder = new SchemaBuilder<{ Context: Context }>({
  plugins: [DataloaderPlugin, DirectivesPlugin, FederationPlugin],
});

const EntryRef = builder.objectRef<Entry>('HistoryEntry').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    type: t.exposeString('type'),
    occurredAt: t.exposeString('occurredAt'),
  }),
});
const HistoryRef = builder.objectRef<{ nodes: Entry[] }>('HistoryConnection').implement({
  fields: (t) => ({ nodes: t.field({ type: [EntryRef], resolve: ({ nodes }) => nodes }) }),
});
const UserRef = builder.objectRef<User>('User').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    displayName: t.exposeString('displayName', { nullable: true }),
    status: t.exposeString('status'),
    history: t.field({
      type: HistoryRef,
      args: { first: t.arg.int({ defaultValue: 20 }) },
      resolve: async ({ id }, args, { history }) => {
        const first = args.first ?? 20;
        let loader = history.get(first);
        if (!loader) {
          loader = createHistoryLoader(first);
          history.set(first, loader);
        }
        return { nodes: await loader.load(id) };
      },
    }),
  }),
});
const UsersRef = builder.objectRef<{ nodes: User[] }>('UserConnection').implement({
  fields: (t) => ({ nodes: t.field({ type: [UserRef], resolve: ({ nodes }) => nodes }) }),
});
builder.asEntity(UserRef, {
  key: builder.selection<{ id: string }>('id'),
  resolveReference: ({ id }, { users }) => users.load(id),
});
builder.queryType({
  fields: (t) => ({
    user: t.field({
      type: UserRef,
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (_root, { id }, { users }) => users.load(String(id)),
    }),
    users: t.field({
      type: UsersRef,
      args: { first: t.arg.int({ defaultValue: 20 }) },
      resolve: async (_root, { first }) => {
        const { rows } = await pool.query<User>({
          name: 'newest',
          text: `SELECT ${columns} FROM users WHERE status <> 'PENDING' ORDER BY created_at DESC, id DESC LIMIT $1`,
          values: [first],
        });
        return { nodes: rows };
      },
    }),
  }),
});

const yoga = createYoga({
  schema: builder.toSubGraphSchema({ linkUrl: 'https://specs.apollo.dev/federation/v2.6' }),
  context: (): Context => ({ users: createUserLoader(), history: new Map() }),
  plugins: [useGraphQlJit()],
  logging: false,
});
createServer(yoga).listen(Number(process.env['PORT']), '127.0.0.1');
