import { buildFederationSchema } from '@mercuriusjs/federation';
import Fastify from 'fastify';
import mercurius from 'mercurius';
import { Pool } from 'pg';

/** Mercurius with its compiler (graphql-jit) and its loaders, on pg. */
const pool = new Pool({ connectionString: process.env['DATABASE_URL'], max: 10 });

interface User {
  id: string;
  displayName: string | null;
  status: string;
}

const typeDefs = `
  extend type Query {
    user(id: ID!): User
    users(first: Int = 20): UserConnection!
  }
  type User @key(fields: "id") { id: ID! displayName: String status: String! history(first: Int = 20): HistoryConnection }
  type UserConnection { nodes: [User!]! }
  type HistoryConnection { nodes: [HistoryEntry!]! }
  type HistoryEntry { id: ID! type: String! occurredAt: String! }
`;

const columns = 'id, display_name AS "displayName", status';

async function findUsers(ids: string[]): Promise<Map<string, User>> {
  const { rows } = await pool.query<User>({
    name: 'users',
    text: `SELECT ${columns} FROM users WHERE id = ANY ($1::uuid[])`,
    values: [ids],
  });
  return new Map(rows.map((row) => [row.id, row]));
}

const resolvers = {
  Query: {
    user: async (_root: unknown, { id }: { id: string }) => (await findUsers([id])).get(id) ?? null,
    users: async (_root: unknown, { first }: { first: number }) => {
      const { rows } = await pool.query({
        name: 'newest',
        text: `SELECT ${columns} FROM users WHERE status <> 'PENDING' ORDER BY created_at DESC, id DESC LIMIT $1`,
        values: [first],
      });
      return { nodes: rows };
    },
  },
};

const loaders = {
  User: {
    async __resolveReference(queries: { obj: { id: string } }[]) {
      const found = await findUsers(queries.map(({ obj }) => obj.id));
      return queries.map(
        ({ obj }) => found.get(obj.id) ?? { id: obj.id, displayName: null, status: 'UNKNOWN' },
      );
    },
    async history(queries: { obj: User; params: { first: number } }[]) {
      const { rows } = await pool.query({
        name: 'history',
        text: `SELECT u.id AS "userId", h.id, h.type, h.occurred_at
          FROM unnest($1::uuid[]) AS u (id) CROSS JOIN LATERAL (
            SELECT id, type, occurred_at FROM user_history WHERE user_id = u.id
            ORDER BY occurred_at DESC, user_history.id DESC LIMIT $2) AS h`,
        values: [queries.map(({ obj }) => obj.id), queries[0]?.params.first],
      });
      const pages = new Map<string, object[]>();
      for (const row of rows) {
        const entry = { id: row.id, type: row.type, occurredAt: row.occurred_at.toISOString() };
        pages.set(row.userId, [...(pages.get(row.userId) ?? []), entry]);
      }
      return queries.map(({ obj }) => ({ nodes: pages.get(obj.id) ?? [] }));
    },
  },
};

const app = Fastify();
void app.register(mercurius, {
  schema: buildFederationSchema(typeDefs, {}),
  resolvers,
  loaders: loaders as never,
  jit: 1,
});
void app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });
