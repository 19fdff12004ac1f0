import { ArgsType, Field, Int, ObjectType } from 'type-graphql';
import type { KeysetPosition, Positioned } from '../postgres/keyset';
import { badUserInput } from './errors';

const defaultPageSize = 20;
export const maximumPageSize = 100;

/** Arguments that select a page of a list. */
@ArgsType()
export class PageArgs {
  @Field(() => String, {
    nullable: true,
    description: 'Return the items after this cursor. Defaults to the start of the list.',
  })
  after: string | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: defaultPageSize,
    description: 'Maximum number of items to return, from 1 to 100.',
  })
  first: number | null;
}

@ObjectType({
  simpleResolvers: true,
  description: 'Pagination information of a connection, as defined by the Relay specification.',
})
export class PageInfo {
  @Field(() => Boolean, { description: 'True if more items follow this page.' })
  hasNextPage: boolean;

  @Field(() => Boolean, { description: 'True if the page was requested with `after`.' })
  hasPreviousPage: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'Cursor of the first item of the page, or null if the page is empty.',
  })
  startCursor: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Cursor of the last item of the page, or null if the page is empty. Pass it as `after` to get the next page.',
  })
  endCursor: string | null;
}

/** A page of a list as a Relay connection. */
export interface Connection<T> {
  edges: { cursor: string; node: T }[];
  nodes: T[];
  pageInfo: PageInfo;
}

/**
 * Returns the page size. Null selects the default of 20.
 *
 * @throws BAD_USER_INPUT unless it is between 1 and 100
 */
export function readPageSize(first: number | null): number {
  const size = first ?? defaultPageSize;
  if (size < 1 || size > maximumPageSize)
    throw badUserInput(`The argument "first" must be between 1 and ${maximumPageSize}.`);
  return size;
}

export interface ConnectionOptions<Row, T> {
  size: number;
  /** The cursor that the page was requested with. */
  after: string | null | undefined;
  toNode: (row: Row) => T;
}

/** Returns a page of at most `size` rows. Pass `size` + 1 rows, so that `hasNextPage` can be known. */
export function toConnection<Row, T>(
  rows: readonly Positioned<Row>[],
  { size, after, toNode }: ConnectionOptions<Row, T>,
): Connection<T> {
  const edges = rows
    .slice(0, size)
    .map(({ row, position }) => ({ cursor: encodeCursor(position), node: toNode(row) }));
  return {
    edges,
    nodes: edges.map((edge) => edge.node),
    pageInfo: {
      hasNextPage: rows.length > size,
      hasPreviousPage: after != null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

function encodeCursor({ at, id }: KeysetPosition): string {
  return Buffer.from(`${at} ${id}`).toString('base64url');
}

const position =
  /^((?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/**
 * Returns the position that a cursor stands for. Null stands for the start of the list.
 *
 * @throws BAD_USER_INPUT unless this service made the cursor
 */
export function decodeCursor(cursor: string | null | undefined): KeysetPosition | null {
  if (cursor == null) return null;
  const [, at, id] = position.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  // Decoding ignores characters that are not base64. Encoding again detects them.
  if (!at || !id || !isExistingTime(at) || encodeCursor({ at, id }) !== cursor)
    throw badUserInput('The argument "after" is not a valid cursor.');
  return { at, id };
}

/** True for an existing date and time. Date reads 30 February as 1 March, but PostgreSQL refuses it. */
function isExistingTime(at: string): boolean {
  const time = new Date(at);
  return !Number.isNaN(time.getTime()) && time.toISOString().slice(0, 19) === at.slice(0, 19);
}
