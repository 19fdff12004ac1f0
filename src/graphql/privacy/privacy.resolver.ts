import { Arg, Ctx, Directive, ID, Mutation, Query, Resolver } from 'type-graphql';
import type { Erasures } from '../../privacy/erasures';
import type { LegalHolds } from '../../privacy/legal-holds';
import type { ScheduledErasures } from '../../privacy/scheduled-erasures';
import type { UserDataExport } from '../../privacy/user-data-export';
import { parseUserId } from '../../users/normalized';
import { callerOf, type GraphqlContext } from '../context';
import { resultOf, userResultOf } from '../result-of';
import {
  CancelErasureInput,
  EraseUserInput,
  ExportUserDataInput,
  PlaceLegalHoldInput,
  ReleaseLegalHoldInput,
} from './privacy.input';
import {
  CancelErasureResult,
  CancelErasureSuccess,
  EraseUserResult,
  EraseUserSuccess,
  ErasureType,
  ExportUserDataResult,
  ExportUserDataSuccess,
  PlaceLegalHoldResult,
  PlaceLegalHoldSuccess,
  ReleaseLegalHoldResult,
  ReleaseLegalHoldSuccess,
  toErasureType,
} from './privacy.type';

export interface PrivacyServices {
  readonly erasures: Erasures;
  readonly scheduledErasures: ScheduledErasures;
  readonly holds: LegalHolds;
  readonly exports: UserDataExport;
}

/** Resolves data exports, erasures and legal holds. */
@Resolver()
export class PrivacyResolver {
  constructor(private readonly services: PrivacyServices) {}

  @Query(() => ErasureType, {
    nullable: true,
    description:
      'Returns an erasure by ID, or null if it does not exist. Requires the `users:privacy` scope.',
  })
  async erasure(
    @Arg('id', () => ID, { description: 'ID of the erasure.' }) id: string,
    @Ctx() { reads }: GraphqlContext,
  ): Promise<ErasureType | null> {
    // Ids of erasures are UUIDs, like those of users. A malformed one is treated as unknown.
    const erasureId = parseUserId(id);
    const erasure = erasureId && (await this.services.erasures.find(erasureId));
    if (!erasure) return null;
    reads.add(erasure.userId, 'erasure');
    return toErasureType(erasure);
  }

  @Directive('@cost(weight: 1000)')
  @Mutation(() => ExportUserDataResult, {
    nullable: true,
    description:
      'Exports all data stored about a user. Requires the `users:privacy` scope, or the access token of the user. A deployment can require a sign-in at most 10 minutes ago of users who export their own data.',
  })
  async exportUserData(
    @Arg('input', () => ExportUserDataInput, { description: 'The user to export.' })
    input: ExportUserDataInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof ExportUserDataResult> {
    return resultOf(async () =>
      Object.assign(new ExportUserDataSuccess(), {
        export: await this.services.exports.export(callerOf(context), input.userId, context.deadline.signal),
      }),
    ) as Promise<typeof ExportUserDataResult>;
  }

  @Mutation(() => EraseUserResult, {
    nullable: true,
    description:
      'Erases a user permanently, or schedules that and deactivates the account. Returns an erasure that is scheduled already. Requires the `users:privacy` scope, or the access token of the user. Users who erase themselves need a sign-in at most 10 minutes ago, unless the deployment turns that off; a dry run needs none.',
  })
  async eraseUser(
    @Arg('input', () => EraseUserInput, { description: 'The user to erase.' }) input: EraseUserInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof EraseUserResult> {
    return resultOf(async () => {
      const erasure = input.dryRun
        ? await this.services.erasures.plan(callerOf(context), input)
        : await this.services.erasures.erase(callerOf(context), input);
      // An erasure has an audit entry of its own. A dry run reveals how much is stored, so it is audited as a read.
      if (input.dryRun) context.reads.add(erasure.userId, 'erasurePlan');
      return Object.assign(new EraseUserSuccess(), { erasure: toErasureType(erasure) });
    }) as Promise<typeof EraseUserResult>;
  }

  @Mutation(() => CancelErasureResult, {
    nullable: true,
    description:
      'Cancels the scheduled erasure of a user. An account that it deactivated is active again. Requires the `users:privacy` scope, or the access token of the user.',
  })
  async cancelErasure(
    @Arg('input', () => CancelErasureInput, { description: 'The user whose erasure to cancel.' })
    input: CancelErasureInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof CancelErasureResult> {
    return resultOf(async () => {
      const erasure = await this.services.scheduledErasures.cancel(callerOf(context), input.userId);
      return Object.assign(new CancelErasureSuccess(), { erasure: toErasureType(erasure) });
    }) as Promise<typeof CancelErasureResult>;
  }

  @Mutation(() => PlaceLegalHoldResult, {
    nullable: true,
    description:
      'Places a legal hold, which protects a user’s data from erasure and retention. Requires the `users:privacy` scope.',
  })
  async placeLegalHold(
    @Arg('input', () => PlaceLegalHoldInput, { description: 'The user to hold and the reason.' })
    input: PlaceLegalHoldInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof PlaceLegalHoldResult> {
    return userResultOf(PlaceLegalHoldSuccess, () => this.services.holds.place(callerOf(context), input));
  }

  @Mutation(() => ReleaseLegalHoldResult, {
    nullable: true,
    description: 'Releases a legal hold. Requires the `users:privacy` scope.',
  })
  async releaseLegalHold(
    @Arg('input', () => ReleaseLegalHoldInput, { description: 'The user to release and the reason.' })
    input: ReleaseLegalHoldInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof ReleaseLegalHoldResult> {
    return userResultOf(ReleaseLegalHoldSuccess, () => this.services.holds.release(callerOf(context), input));
  }
}
