import { Field, InputType } from 'type-graphql';
import { DateTime } from '../../subgraph/scalars';
import type { VerificationStatus as Status } from '../../users/user.entity';
import { UserStatus, VerificationStatus } from './user-enums.type';

@InputType('UserFilter', {
  description: 'Filter for users. Users must match all given conditions. An empty list matches nothing.',
})
export class UserFilterInput {
  @Field(() => [UserStatus], { nullable: true, description: 'Users with one of these statuses.' })
  status?: UserStatus[] | null;

  @Field(() => DateTime, { nullable: true, description: 'Users created at or after this time.' })
  createdFrom?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Users created before this time.' })
  createdTo?: Date | null;

  @Field(() => [VerificationStatus], {
    nullable: true,
    description: 'Users whose e-mail address has one of these verification statuses.',
  })
  emailVerification?: Status[] | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Users whose e-mail address, username, first name or last name starts with this text, regardless of case.',
  })
  search?: string | null;
}
