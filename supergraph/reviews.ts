import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { GraphQLError, type GraphQLSchema, parse } from 'graphql';

/** A review as its service stores it. It has only the id of its author: the User Service has the rest. */
export interface Review {
  readonly id: string;
  readonly stars: number;
  readonly body: string;
  readonly authorId: string;
}

const typeDefs = parse(readFileSync(join(__dirname, 'reviews.graphql'), 'utf8'));

/**
 * Returns the subgraph of reviews, which refers to users by id and adds `reviews` to `User`.
 *
 * @param reviews the newest first
 */
export function createReviewsSubgraph(reviews: readonly Review[]): GraphQLSchema {
  const byStars = reviews.toSorted((one, other) => other.stars - one.stars);
  const resolvers = {
    Query: {
      topReviews(_: unknown, { first }: { first: number | null }) {
        if (first !== null && first < 0) {
          throw new GraphQLError('`first` must be 0 or more.', { extensions: { code: 'BAD_USER_INPUT' } });
        }
        return byStars.slice(0, first ?? 10);
      },
    },
    Review: {
      __resolveReference: ({ id }: { id: string }) => reviews.find((review) => review.id === id) ?? null,
      author: ({ authorId }: Review) => ({ __typename: 'User', id: authorId }),
    },
    User: {
      // Each id is a user here, also an erased one: only the User Service knows who exists.
      __resolveReference: ({ id }: { id: string }) => ({ id }),
      reviews: ({ id }: { id: string }) => reviews.filter(({ authorId }) => authorId === id),
    },
  };
  return buildSubgraphSchema([{ typeDefs, resolvers }]);
}
