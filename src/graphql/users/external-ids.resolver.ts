import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { ExternalIdsService } from '../../users/external-ids.service';
import { callerOf, type GraphqlContext } from '../context';
import { userResultOf } from '../result-of';
import {
  RemoveExternalIdInput,
  RemoveExternalIdResult,
  RemoveExternalIdSuccess,
  SetExternalIdInput,
  SetExternalIdResult,
  SetExternalIdSuccess,
} from './external-ids.type';
import { toUserType, UserType } from './user.type';

/** Resolves the operations on ids that users have in other systems. */
@Resolver()
export class ExternalIdsResolver {
  constructor(private readonly externalIds: ExternalIdsService) {}

  @Query(() => UserType, {
    nullable: true,
    description:
      'Returns the user with exactly this ID in another system, or null. Requires the `users:read` scope.',
  })
  async userByExternalId(
    @Arg('system', () => String, { description: 'Name of the other system, such as `crm`.' }) system: string,
    @Arg('id', () => String, { description: 'ID of the user in that system.' }) id: string,
    @Ctx() { reads }: GraphqlContext,
  ): Promise<UserType | null> {
    const user = await this.externalIds.findUser({ system, id });
    if (!user) return null;
    reads.add(user.id, 'externalIds');
    return toUserType(user);
  }

  @Mutation(() => SetExternalIdResult, {
    nullable: true,
    description:
      'Sets the ID of a user in another system, replacing the one before. Requires the `users:write` scope.',
  })
  async setExternalId(
    @Arg('input', () => SetExternalIdInput, { description: 'The user and the ID.' })
    input: SetExternalIdInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof SetExternalIdResult> {
    return userResultOf(SetExternalIdSuccess, () => this.externalIds.set(callerOf(context), input));
  }

  @Mutation(() => RemoveExternalIdResult, {
    nullable: true,
    description: 'Removes the ID of a user in another system. Requires the `users:write` scope.',
  })
  async removeExternalId(
    @Arg('input', () => RemoveExternalIdInput, { description: 'The user and the system.' })
    input: RemoveExternalIdInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof RemoveExternalIdResult> {
    return userResultOf(RemoveExternalIdSuccess, () => this.externalIds.remove(callerOf(context), input));
  }
}
