import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import type { PhoneVerificationService } from '../../verification/phone-verification.service';
import { callerOf, type GraphqlContext } from '../context';
import { userResultOf } from '../result-of';
import {
  ConfirmPhoneInput,
  ConfirmPhoneResult,
  ConfirmPhoneSuccess,
  RequestPhoneVerificationInput,
  RequestPhoneVerificationResult,
  RequestPhoneVerificationSuccess,
} from './phone-verification.type';

/** Resolves the mutations that verify phone numbers. */
@Resolver()
export class PhoneVerificationResolver {
  constructor(private readonly phoneVerification: PhoneVerificationService) {}

  @Mutation(() => RequestPhoneVerificationResult, {
    nullable: true,
    description:
      'Sends a code to the phone number of a user. Requires the `users:write` scope, or the access token of the user.',
  })
  async requestPhoneVerification(
    @Arg('input', () => RequestPhoneVerificationInput, { description: 'The user whose number to confirm.' })
    input: RequestPhoneVerificationInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof RequestPhoneVerificationResult> {
    return userResultOf(RequestPhoneVerificationSuccess, () =>
      this.phoneVerification.request(callerOf(context), input),
    );
  }

  @Mutation(() => ConfirmPhoneResult, {
    nullable: true,
    description:
      'Confirms the phone number of a user with the code from the message. Requires the `users:write` scope, or the access token of the user.',
  })
  async confirmPhone(
    @Arg('input', () => ConfirmPhoneInput, { description: 'The user and the code.' })
    input: ConfirmPhoneInput,
    @Ctx() context: GraphqlContext,
  ): Promise<typeof ConfirmPhoneResult> {
    return userResultOf(ConfirmPhoneSuccess, () => this.phoneVerification.confirm(callerOf(context), input));
  }
}
