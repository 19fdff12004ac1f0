import { Field, ObjectType } from 'type-graphql';
import { PageInfo } from '../../subgraph/connection';
import type { UserFilter } from '../../users/lists/user-filter';
import { UserType } from './user.type';

@ObjectType({ simpleResolvers: true, description: 'A user and its cursor.' })
export class UserEdge {
  @Field(() => String, {
    description:
      'Cursor of this user. Pass it as `after` to list the users that follow, or as `before` to list those that precede, in the same order.',
  })
  cursor: string;

  @Field(() => UserType, { description: 'The user.' })
  node: UserType;
}

@ObjectType({ simpleResolvers: true, description: 'A page of users.' })
export class UserConnection {
  @Field(() => [UserEdge], { description: 'Users of the page with their cursors.' })
  edges: UserEdge[];

  @Field(() => [UserType], { description: 'Users of the page.' })
  nodes: UserType[];

  @Field(() => PageInfo, { description: 'Pagination information.' })
  pageInfo: PageInfo;

  /** The users that `totalCount` counts. */
  filter: UserFilter;
}
