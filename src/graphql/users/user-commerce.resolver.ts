import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { initial } from '../../commerce/user-history.projection';
import type { GraphqlContext } from '../context';
import { UserType } from './user.type';
import { CommerceSummaryType, toCommerceSummaryType } from './user-commerce.type';

/** Resolves `User.commerce`. */
@Resolver(() => UserType)
export class UserCommerceResolver {
  @FieldResolver(() => CommerceSummaryType, {
    nullable: true,
    description:
      'Summary of the user’s orders, payments and loyalty points. Null if the user is unknown or the caller may not read it.',
  })
  async commerce(
    @Root() user: UserType,
    @Ctx() { lateReads }: GraphqlContext,
  ): Promise<CommerceSummaryType | null> {
    if (user.status === 'UNKNOWN') return null;
    const summaries = await (await lateReads.get()).commerce([user.id], null);
    return toCommerceSummaryType(summaries.get(user.id) ?? initial);
  }
}
