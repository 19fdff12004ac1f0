import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { hasScope } from '../../authentication/actor';
import type { EmailPreferencesService } from '../../consent/email-preferences.service';
import type { OwnProfiles } from '../../users/own-profiles';
import type { UserService } from '../../users/user.service';
import type { EmailVerificationService } from '../../verification/email-verification.service';
import { callerOf, type GraphqlContext } from '../context';
import { resultOf, userResultOf } from '../result-of';
import { toEmailPreferencesType } from './email-preferences.type';
import {
  ConfirmEmailInput,
  CreateUserInput,
  DeactivateUserInput,
  ReactivateUserInput,
  RequestEmailVerificationInput,
  UpdateEmailPreferencesInput,
  UpdateUserInput,
} from './user.input';
import {
  ConfirmEmailResult,
  ConfirmEmailSuccess,
  CreateUserResult,
  CreateUserSuccess,
  DeactivateUserResult,
  DeactivateUserSuccess,
  ReactivateUserResult,
  ReactivateUserSuccess,
  RequestEmailVerificationResult,
  RequestEmailVerificationSuccess,
  UpdateEmailPreferencesResult,
  UpdateEmailPreferencesSuccess,
  UpdateUserResult,
  UpdateUserSuccess,
} from './user-results.type';

/** Resolves the mutations of users. Each calls a service and returns a member of its result union. */
@Resolver()
export class UserMutationsResolver {
  constructor(
    private readonly users: UserService,
    private readonly ownProfiles: OwnProfiles,
    private readonly emailPreferences: EmailPreferencesService,
    private readonly emailVerification: EmailVerificationService,
  ) {}

  @Mutation(() => CreateUserResult, {
    nullable: true,
    description:
      'Creates a user. Requires the `users:write` scope. People without any `users:*` scope may create their own profile, whose ID is the `sub` of their access token; `userId` is then omitted or the same, and `password` and `externalIds` are not allowed. Their `email` is verified from the start if it is the verified one of the token.',
  })
  async createUser(
    @Arg('input', () => CreateUserInput, { description: 'The user to create.' }) input: CreateUserInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof CreateUserResult> {
    const caller = callerOf(context);
    const creates = hasScope(caller.actor, 'users:write') ? this.users : this.ownProfiles;
    return userResultOf(CreateUserSuccess, () => creates.create(caller, input));
  }

  @Mutation(() => UpdateUserResult, {
    nullable: true,
    description:
      'Updates the profile of a user. A new e-mail address is stored as `pendingEmail` until it is confirmed; call `requestEmailVerification` to send the confirmation e-mail. Requires the `users:write` scope, or the access token of the user.',
  })
  async updateUser(
    @Arg('input', () => UpdateUserInput, { description: 'The changes.' }) input: UpdateUserInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof UpdateUserResult> {
    return userResultOf(UpdateUserSuccess, () => this.users.update(callerOf(context), input));
  }

  @Mutation(() => DeactivateUserResult, {
    nullable: true,
    description:
      'Deactivates a user. Succeeds without a change if the user is already deactivated, except that `SECURITY_VIOLATION` replaces another reason. Requires the `users:write` scope, or the access token of the user.',
  })
  async deactivateUser(
    @Arg('input', () => DeactivateUserInput, { description: 'The user to deactivate and the reason.' })
    input: DeactivateUserInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof DeactivateUserResult> {
    return userResultOf(DeactivateUserSuccess, () => this.users.deactivate(callerOf(context), input));
  }

  @Mutation(() => ReactivateUserResult, {
    nullable: true,
    description: 'Reactivates a deactivated user. Requires the `users:write` scope.',
  })
  async reactivateUser(
    @Arg('input', () => ReactivateUserInput, { description: 'The user to reactivate.' })
    input: ReactivateUserInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof ReactivateUserResult> {
    return userResultOf(ReactivateUserSuccess, () => this.users.reactivate(callerOf(context), input));
  }

  @Mutation(() => UpdateEmailPreferencesResult, {
    nullable: true,
    description:
      'Updates the e-mail preferences of a user. Each decision is stored as evidence of consent. Requires the `users:write` scope, or the access token of the user.',
  })
  async updateEmailPreferences(
    @Arg('input', () => UpdateEmailPreferencesInput, { description: 'The preferences to change.' })
    input: UpdateEmailPreferencesInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof UpdateEmailPreferencesResult> {
    return resultOf(async () => {
      const user = await this.emailPreferences.update(callerOf(context), input);
      return Object.assign(new UpdateEmailPreferencesSuccess(), {
        emailPreferences: toEmailPreferencesType(user),
      });
    }) as Promise<typeof UpdateEmailPreferencesResult>;
  }

  @Mutation(() => RequestEmailVerificationResult, {
    nullable: true,
    description:
      'Sends a confirmation e-mail to the pending address of a user, or to the current one if none is pending. Requires the `users:write` scope, or the access token of the user.',
  })
  async requestEmailVerification(
    @Arg('input', () => RequestEmailVerificationInput, { description: 'The user whose address to confirm.' })
    input: RequestEmailVerificationInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof RequestEmailVerificationResult> {
    return userResultOf(RequestEmailVerificationSuccess, () =>
      this.emailVerification.request(callerOf(context), input.userId),
    );
  }

  @Mutation(() => ConfirmEmailResult, {
    nullable: true,
    description:
      'Confirms an e-mail address with the token from the confirmation e-mail. Requires no access token.',
  })
  async confirmEmail(
    @Arg('input', () => ConfirmEmailInput, { description: 'The confirmation token.' })
    input: ConfirmEmailInput,
    @Ctx() { actor, traceparent }: GraphqlContext,
  ): Promise<typeof ConfirmEmailResult> {
    return userResultOf(ConfirmEmailSuccess, () =>
      this.emailVerification.confirm(input.token, { actor, traceparent }),
    );
  }
}
