import { Field, ID, InputType, Int } from 'type-graphql';
import { DateTime, Decimal } from '../../subgraph/scalars';
import type { UserOrder } from '../../users/lists/user-order';
import type { VerificationStatus as Status } from '../../users/user.entity';
import { OrderDirection, UserOrderField, UserStatus, VerificationStatus } from './user-enums.type';

@InputType('MoneyInput', { description: 'An exact amount of money.' })
export class MoneyInput {
  @Field(() => Decimal, { description: 'Amount in units of the currency.' })
  amount: string;

  @Field(() => String, { description: 'ISO 4217 currency code, such as `EUR`.' })
  currency: string;
}

@InputType('UserOrder', { description: 'Order of a list of users. Users without the value come last.' })
export class UserOrderInput {
  @Field(() => UserOrderField, { description: 'What the list is ordered by.' })
  field: UserOrder['field'];

  @Field(() => OrderDirection, { description: 'Direction of the order.' })
  direction: UserOrder['direction'];
}

@InputType('UserFilter', {
  description: 'Filter for users. Users must match all given conditions. An empty list matches nothing.',
})
export class UserFilterInput {
  @Field(() => [ID], {
    nullable: true,
    description: 'Users with one of these IDs, at most 100. IDs that are not UUIDs match nothing.',
  })
  ids?: string[] | null;

  @Field(() => [UserStatus], { nullable: true, description: 'Users with one of these statuses.' })
  status?: UserStatus[] | null;

  @Field(() => DateTime, { nullable: true, description: 'Users created at or after this time.' })
  createdFrom?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Users created before this time.' })
  createdTo?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Users last changed at or after this time.' })
  updatedFrom?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Users last changed before this time.' })
  updatedTo?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Users who last signed in at or after this time.' })
  lastSeenFrom?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Users who last signed in before this time.' })
  lastSeenTo?: Date | null;

  @Field(() => [VerificationStatus], {
    nullable: true,
    description: 'Users whose e-mail address has one of these verification statuses.',
  })
  emailVerification?: Status[] | null;

  @Field(() => String, {
    nullable: true,
    description: 'The user with exactly this username, regardless of case.',
  })
  username?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Users with exactly this phone number in E.164 format. The plus sign is optional.',
  })
  phoneNumber?: string | null;

  @Field(() => Int, { nullable: true, description: 'Users who placed at least this many orders.' })
  orderCountMin?: number | null;

  @Field(() => Int, { nullable: true, description: 'Users who placed at most this many orders.' })
  orderCountMax?: number | null;

  @Field(() => MoneyInput, {
    nullable: true,
    description:
      'Users who spent at least this amount in its currency. Amounts in other currencies do not count.',
  })
  spentMin?: MoneyInput | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Users whose e-mail address, username, first name, last name, or first and last name with a space between them starts with this text, regardless of case and accents.',
  })
  search?: string | null;
}
