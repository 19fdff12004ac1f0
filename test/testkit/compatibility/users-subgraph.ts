import type { GraphQLSchema } from 'graphql';
import { Directive, Field, ID, Int, ObjectType, Query, Resolver } from 'type-graphql';
import { buildFederatedSchema } from '../../../src/subgraph/federation';
import { oneByOne } from '../one-by-one';

@Directive('@key(fields: "email")')
@ObjectType()
class User {
  @Field(() => ID)
  email: string;

  @Field(() => String, { nullable: true })
  name?: string;

  @Directive('@shareable')
  @Field(() => Int, { nullable: true })
  totalProductsCreated?: number;

  @Field(() => Int)
  yearsOfEmployment: number;
}

const support: User = {
  email: 'support@apollographql.com',
  name: 'Apollo Studio Support',
  totalProductsCreated: 10,
  yearsOfEmployment: 10,
};

@Resolver()
class UsersResolver {
  @Query(() => User, { nullable: true })
  anyUser(): User {
    return support;
  }
}

/** The users subgraph of Apollo's compatibility suite. The products subgraph overrides its `name`. */
export function buildUsersSchema(): GraphQLSchema {
  return buildFederatedSchema({
    resolvers: [UsersResolver],
    linkVersion: 'v2.7',
    references: { User: oneByOne(async ({ email }) => (email === support.email ? support : null)) },
  });
}
