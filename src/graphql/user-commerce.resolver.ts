import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import type { GraphqlContext } from './context';
import { UserType } from './user.type';
import { CommerceSummaryType, toCommerceSummaryType } from './user-commerce.type';

/** `User.commerce`: what a user's orders, failed payments and points add up to. */
@Resolver(() => UserType)
export class UserCommerceResolver {
  @FieldResolver(() => CommerceSummaryType, {
    nullable: true,
    description: 'What the user has bought and earned.',
  })
  async commerce(
    @Root() user: UserType,
    @Ctx() { loaders }: GraphqlContext,
  ): Promise<CommerceSummaryType | null> {
    if (user.status === 'UNKNOWN') return null;
    return toCommerceSummaryType(await loaders.commerce.load(user.id));
  }
}
