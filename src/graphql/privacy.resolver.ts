import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import type { Erasures } from '../privacy/erasures';
import type { LegalHolds } from '../privacy/legal-holds';
import type { UserDataExport } from '../privacy/user-data-export';
import { parseUserId } from '../users/normalized';
import type { User } from '../users/user.entity';
import { callerOf, type GraphqlContext } from './context';
import {
  EraseUserInput,
  ExportUserDataInput,
  PlaceLegalHoldInput,
  ReleaseLegalHoldInput,
} from './privacy.input';
import {
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
import { toUserType } from './user.type';
import { answered } from './user-errors.type';

/** What people and the law may ask for: to know, to be forgotten, to keep for now. */
@Resolver()
export class PrivacyResolver {
  constructor(
    private readonly erasures: Erasures,
    private readonly holds: LegalHolds,
    private readonly exports: UserDataExport,
  ) {}

  @Query(() => ErasureType, {
    nullable: true,
    description: 'An erasure by its own id; null when there is none. Needs `users:privacy`.',
  })
  async erasure(
    @Arg('id', () => ID, { description: 'The id of the erasure.' }) id: string,
    @Ctx() { reads }: GraphqlContext,
  ): Promise<ErasureType | null> {
    const erasureId = parseUserId(id);
    const erasure = erasureId && (await this.erasures.find(erasureId));
    if (!erasure) return null;
    reads.add(erasure.userId, 'erasure');
    return toErasureType(erasure);
  }

  @Mutation(() => ExportUserDataResult, {
    nullable: true,
    description: 'Everything that is stored about a user, for the user and for `users:privacy`.',
  })
  async exportUserData(
    @Arg('input', () => ExportUserDataInput, { description: 'Whose.' }) input: ExportUserDataInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof ExportUserDataResult> {
    return answered(async () =>
      Object.assign(new ExportUserDataSuccess(), {
        export: await this.exports.export(callerOf(context), input.userId),
      }),
    ) as Promise<typeof ExportUserDataResult>;
  }

  @Mutation(() => EraseUserResult, {
    nullable: true,
    description:
      'Erases a user for ever, for `users:privacy` and for the user, who must have signed in at most 10 minutes ago.',
  })
  async eraseUser(
    @Arg('input', () => EraseUserInput, { description: 'Whom.' }) input: EraseUserInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof EraseUserResult> {
    return answered(async () => {
      const erasure = input.dryRun
        ? await this.erasures.plan(input)
        : await this.erasures.erase(callerOf(context), input);
      // Whoever erases has an entry for that; whoever plans has seen how much is stored.
      if (input.dryRun) context.reads.add(erasure.userId, 'erasurePlan');
      return Object.assign(new EraseUserSuccess(), { erasure: toErasureType(erasure) });
    }) as Promise<typeof EraseUserResult>;
  }

  @Mutation(() => PlaceLegalHoldResult, {
    nullable: true,
    description: 'Keeps a user’s data from erasure and retention. Needs `users:privacy`.',
  })
  async placeLegalHold(
    @Arg('input', () => PlaceLegalHoldInput, { description: 'Whose, and why.' }) input: PlaceLegalHoldInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof PlaceLegalHoldResult> {
    return answeredWith(PlaceLegalHoldSuccess, () => this.holds.place(callerOf(context), input));
  }

  @Mutation(() => ReleaseLegalHoldResult, {
    nullable: true,
    description: 'Ends a legal hold. Needs `users:privacy`.',
  })
  async releaseLegalHold(
    @Arg('input', () => ReleaseLegalHoldInput, { description: 'Whose, and why.' })
    input: ReleaseLegalHoldInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof ReleaseLegalHoldResult> {
    return answeredWith(ReleaseLegalHoldSuccess, () => this.holds.release(callerOf(context), input));
  }
}

async function answeredWith<R>(Success: new () => { user: object }, work: () => Promise<User>): Promise<R> {
  return (await answered(async () => Object.assign(new Success(), { user: toUserType(await work()) }))) as R;
}
