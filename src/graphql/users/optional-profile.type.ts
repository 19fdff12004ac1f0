import { Field, InputType, ObjectType } from 'type-graphql';
import type { User } from '../../users/user.entity';
import { AddressInput } from './address.input';
import { AddressType } from './address.type';

/** The fields of a profile that may be empty, as `User` and `UserProfile` show them. */
@ObjectType('OptionalProfile', { simpleResolvers: true })
export abstract class OptionalProfileType {
  @Field(() => String, { nullable: true, description: 'Public display name, or null if the user has none.' })
  displayName: string | null;

  @Field(() => String, { nullable: true, description: 'Phone number in E.164 format, with the plus sign.' })
  phoneNumber: string | null;

  @Field(() => AddressType, { nullable: true, description: 'Postal address.' })
  address: AddressType | null;

  @Field(() => String, { nullable: true, description: 'BCP 47 language tag, such as `en-GB`.' })
  locale: string | null;

  @Field(() => String, { nullable: true, description: 'IANA time zone name, such as `Europe/Berlin`.' })
  timeZone: string | null;
}

/** The same fields, as `createUser` and `updateUser` accept them. */
@InputType()
export abstract class OptionalProfileInput {
  @Field(() => String, { nullable: true, description: 'Public display name, 1 to 50 characters.' })
  displayName?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Phone number in E.164 format. The plus sign is optional.',
  })
  phoneNumber?: string | null;

  @Field(() => AddressInput, {
    nullable: true,
    description: 'Postal address. An update replaces the whole address.',
  })
  address?: AddressInput | null;

  @Field(() => String, { nullable: true, description: 'BCP 47 language tag, such as `en-GB`.' })
  locale?: string | null;

  @Field(() => String, { nullable: true, description: 'IANA time zone name, such as `Europe/Berlin`.' })
  timeZone?: string | null;
}

type OptionalProfile = Pick<User, keyof OptionalProfileType>;

/**
 * Adds the optional fields of a present or past profile to an object of the graph. One by one, because V8 makes objects
 * with a spread in them slowly.
 */
export function withOptionalProfile<Type extends object>(
  type: Type,
  profile: OptionalProfile,
): Type & OptionalProfile {
  const complete = type as Type & OptionalProfile;
  complete.displayName = profile.displayName;
  complete.phoneNumber = profile.phoneNumber;
  complete.address = profile.address;
  complete.locale = profile.locale;
  complete.timeZone = profile.timeZone;
  return complete;
}
