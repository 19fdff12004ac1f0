import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import type { EmailPreferencesService } from '../consent/email-preferences.service';
import type { EmailVerificationService } from '../users/email-verification.service';
import type { User } from '../users/user.entity';
import type { UserService } from '../users/user.service';
import { callerOf, type GraphqlContext } from './context';
import {
  ConfirmEmailInput,
  CreateUserInput,
  DeactivateUserInput,
  ReactivateUserInput,
  RequestEmailVerificationInput,
  UpdateEmailPreferencesInput,
  UpdateUserInput,
} from './user.input';
import { toEmailPreferencesType, toUserType } from './user.type';
import { answered } from './user-errors.type';
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

/** The mutations of users. Each hands its input to a service and shows the answer as a member of its union. */
@Resolver()
export class UserMutationsResolver {
  constructor(
    private readonly users: UserService,
    private readonly emailPreferences: EmailPreferencesService,
    private readonly emailVerification: EmailVerificationService,
  ) {}

  @Mutation(() => CreateUserResult, { nullable: true, description: 'Creates a user. Needs `users:write`.' })
  async createUser(
    @Arg('input', () => CreateUserInput, { description: 'The new user.' }) input: CreateUserInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof CreateUserResult> {
    return answeredWith(CreateUserSuccess, () => this.users.create(callerOf(context), input));
  }

  @Mutation(() => UpdateUserResult, {
    nullable: true,
    description:
      'Changes a profile. A new e-mail address waits in `pendingEmail`: ask requestEmailVerification for its confirmation mail.',
  })
  async updateUser(
    @Arg('input', () => UpdateUserInput, { description: 'The changes.' }) input: UpdateUserInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof UpdateUserResult> {
    return answeredWith(UpdateUserSuccess, () => this.users.update(callerOf(context), input));
  }

  @Mutation(() => DeactivateUserResult, {
    nullable: true,
    description: 'Takes an account out of use. Doing so twice is a success with one effect.',
  })
  async deactivateUser(
    @Arg('input', () => DeactivateUserInput, { description: 'Whom, and why.' }) input: DeactivateUserInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof DeactivateUserResult> {
    return answeredWith(DeactivateUserSuccess, () => this.users.deactivate(callerOf(context), input));
  }

  @Mutation(() => ReactivateUserResult, {
    nullable: true,
    description: 'Brings a deactivated account back. Needs `users:write`.',
  })
  async reactivateUser(
    @Arg('input', () => ReactivateUserInput, { description: 'Whom.' }) input: ReactivateUserInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof ReactivateUserResult> {
    return answeredWith(ReactivateUserSuccess, () => this.users.reactivate(callerOf(context), input));
  }

  @Mutation(() => UpdateEmailPreferencesResult, {
    nullable: true,
    description: 'Takes a user’s decisions about e-mail; each is kept as evidence.',
  })
  async updateEmailPreferences(
    @Arg('input', () => UpdateEmailPreferencesInput, { description: 'The decisions.' })
    input: UpdateEmailPreferencesInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof UpdateEmailPreferencesResult> {
    return answered(async () => {
      const user = await this.emailPreferences.update(callerOf(context), input);
      return Object.assign(new UpdateEmailPreferencesSuccess(), {
        emailPreferences: toEmailPreferencesType(user),
      });
    }) as Promise<typeof UpdateEmailPreferencesResult>;
  }

  @Mutation(() => RequestEmailVerificationResult, {
    nullable: true,
    description: 'Asks for a confirmation mail to the pending, or else the current, address.',
  })
  async requestEmailVerification(
    @Arg('input', () => RequestEmailVerificationInput, { description: 'Whose address.' })
    input: RequestEmailVerificationInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof RequestEmailVerificationResult> {
    return answeredWith(RequestEmailVerificationSuccess, () =>
      this.emailVerification.request(callerOf(context), input.userId),
    );
  }

  @Mutation(() => ConfirmEmailResult, {
    nullable: true,
    description: 'Confirms an e-mail address. Whoever holds the token may, also without an access token.',
  })
  async confirmEmail(
    @Arg('input', () => ConfirmEmailInput, { description: 'The token.' }) input: ConfirmEmailInput,
    @Ctx() { actor, traceparent }: GraphqlContext,
  ): Promise<typeof ConfirmEmailResult> {
    return answeredWith(ConfirmEmailSuccess, () =>
      this.emailVerification.confirm(input.token, { actor, traceparent }),
    );
  }
}

/** A success with the user as it is now, or the expected error. The union's members are checked when it is answered. */
async function answeredWith<S extends { user: object }, R>(
  Success: new () => S,
  work: () => Promise<User>,
): Promise<R> {
  return (await answered(async () => Object.assign(new Success(), { user: toUserType(await work()) }))) as R;
}
