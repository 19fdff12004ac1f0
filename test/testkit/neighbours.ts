import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';
import { type RunningSubgraph, startSubgraph } from './subgraph-server';

/** A review as its subgraph keeps it. */
export interface Review {
  readonly id: string;
  readonly text: string;
  readonly authorId: string;
}

const textOf = (name: string) =>
  parse(readFileSync(join(__dirname, 'neighbours', `${name}.graphql`), 'utf8'));

/** Serves a subgraph whose reviews reference users, and that adds a field to User. */
export function startReviews(reviews: readonly Review[]): Promise<RunningSubgraph> {
  const resolvers = {
    Query: { latestReviews: (_: unknown, { first }: { first: number }) => reviews.slice(0, first) },
    Review: { author: ({ authorId }: Review) => ({ __typename: 'User', id: authorId }) },
    User: {
      __resolveReference: ({ id }: { id: string }) => ({ id }),
      reviews: ({ id }: { id: string }) => reviews.filter(({ authorId }) => authorId === id),
    },
  };
  return startSubgraph(buildSubgraphSchema([{ typeDefs: textOf('reviews'), resolvers }]));
}

type RequiredOfUser = { id: string; locale?: string | null; status?: string };

/** Serves a subgraph whose fields require fields of the User Service. */
export function startLoyalty(): Promise<RunningSubgraph> {
  const resolvers = {
    User: {
      __resolveReference: (user: RequiredOfUser) => user,
      shippingRegion: ({ locale }: RequiredOfUser) => locale?.split('-')[1] ?? null,
      mayEarnPoints: ({ status }: RequiredOfUser) => status === 'ACTIVE',
    },
  };
  return startSubgraph(buildSubgraphSchema([{ typeDefs: textOf('loyalty'), resolvers }]));
}
