import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';

/** What the router sends about a user: the key, and the fields that a `@requires` of the operation names. */
interface UserReference {
  readonly id: string;
  /** Null if the caller may not read it, and for erased and unknown users. */
  readonly locale?: string | null;
  readonly status?: string;
}

const resolvers = {
  User: {
    // A reference is not looked up: only the User Service knows who exists.
    __resolveReference: (user: UserReference) => user,
    shippingRegion: ({ locale }: UserReference) => locale?.split('-')[1] ?? null,
    mayEarnPoints: ({ status }: UserReference) => status === 'ACTIVE',
  },
};

const typeDefs = parse(readFileSync(join(__dirname, 'loyalty.graphql'), 'utf8'));

/** A subgraph that adds fields to the User Service's `User`, computed from fields of the User Service. */
export const loyaltySubgraph = buildSubgraphSchema([{ typeDefs, resolvers }]);

async function main(): Promise<void> {
  const server = new ApolloServer({ schema: loyaltySubgraph });
  const port = Number(process.env['PORT'] ?? 4004);
  const { url } = await startStandaloneServer(server, { listen: { port, host: '127.0.0.1' } });
  process.stdout.write(`loyalty listens at ${url}\n`);
}

if (process.argv[1]?.endsWith('loyalty.ts')) void main();
