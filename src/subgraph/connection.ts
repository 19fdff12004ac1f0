import { ArgsType, Field, Int, ObjectType } from 'type-graphql';
import type { KeysetPosition, Positioned } from '../postgres/keyset';
import { badUserInput } from './errors';

const defaultPageSize = 20;
const maximumPageSize = 100;

/** Which page of a list is wanted. */
@ArgsType()
export class PageArgs {
  @Field(() => String, { nullable: true, description: 'A cursor of this list.' })
  after: string | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: defaultPageSize,
    description: 'How many, from 1 to 100.',
  })
  first: number | null;
}

@ObjectType({ description: 'Where a page stands in its list, as the Relay specification says.' })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether there is more after this page.' })
  hasNextPage: boolean;

  @Field(() => Boolean, { description: 'Whether this page began after a cursor.' })
  hasPreviousPage: boolean;

  @Field(() => String, { nullable: true, description: 'The cursor of the first edge.' })
  startCursor: string | null;

  @Field(() => String, { nullable: true, description: 'The cursor of the last edge.' })
  endCursor: string | null;
}

/** A page of a list, in the shape of a Relay connection. */
export interface Connection<T> {
  edges: { cursor: string; node: T }[];
  nodes: T[];
  pageInfo: PageInfo;
}

/** How many a page holds: null is the default. @throws BAD_USER_INPUT when it is not from 1 to 100. */
export function readPageSize(first: number | null): number {
  const size = first ?? defaultPageSize;
  if (size < 1 || size > maximumPageSize) throw badUserInput(`first must be from 1 to ${maximumPageSize}.`);
  return size;
}

/** Makes a page of rows; one more row than `size` must have been asked for, to know whether more follow. */
export function toConnection<Row, T>(
  rows: readonly Positioned<Row>[],
  size: number,
  after: string | null | undefined,
  toNode: (row: Row) => T,
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

/** @throws BAD_USER_INPUT for anything that is not a cursor of ours. */
export function decodeCursor(cursor: string | null | undefined): KeysetPosition | null {
  if (cursor == null) return null;
  const [, at, id] = position.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  // Decoding skips what is no base64: only what we encoded ourselves comes out the same.
  if (!at || !id || !isOnTheCalendar(at) || encodeCursor({ at, id }) !== cursor)
    throw badUserInput('after is not a cursor of this list.');
  return { at, id };
}

/** PostgreSQL refuses 30 February; Date.parse takes it for 1 March. */
function isOnTheCalendar(at: string): boolean {
  const time = new Date(at);
  return !Number.isNaN(time.getTime()) && time.toISOString().slice(0, 19) === at.slice(0, 19);
}
