import { type GraphQLResolveInfo, Kind } from 'graphql';
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

/** Arguments that select a page of a list that can be read from both ends. */
@ArgsType()
export class TwoWayPageArgs extends PageArgs {
  @Field(() => String, {
    nullable: true,
    description: 'Return the items before this cursor. Defaults to the end of the list.',
  })
  before: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Return the last items instead of the first ones, at most this many, from 1 to 100.',
  })
  last: number | null;
}

@ObjectType({
  simpleResolvers: true,
  description: 'Pagination information of a connection, as defined by the Relay specification.',
})
export class PageInfo {
  @Field(() => Boolean, {
    description: 'True if more items follow this page, or if it was requested with `before`.',
  })
  hasNextPage: boolean;

  @Field(() => Boolean, {
    description: 'True if more items precede this page, or if it was requested with `after`.',
  })
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

/** The names in the selection of a connection that shows cursors. */
export const namesOfPositions: ReadonlySet<string> = new Set([
  'edges',
  'node',
  'cursor',
  'startCursor',
  'endCursor',
]);

/** How the cursors of a list are written. */
export interface CursorFormat {
  /** The beginning of each cursor of this list, so that those of another order are refused. */
  readonly prefix: string;
  /** True for the text of a value by which the list is ordered. */
  readonly isValue: (at: string) => boolean;
}

/** Cursors of a list that is ordered by time. */
export const timeCursors: CursorFormat = { prefix: '', isValue: isTime };

/**
 * Returns the page size. Null selects the default of 20.
 *
 * @throws BAD_USER_INPUT unless it is between 1 and 100
 */
export function readPageSize(first: number | null, argument = 'first'): number {
  const size = first ?? defaultPageSize;
  if (size < 1 || size > maximumPageSize)
    throw badUserInput(`The argument "${argument}" must be between 1 and ${maximumPageSize}.`);
  return size;
}

/**
 * Returns the size of a page, and whether it is the end of its range.
 *
 * @throws BAD_USER_INPUT for a size out of range, and if the operation gives both `first` and `last`
 */
export function readTwoWaySize(
  { first, last }: TwoWayPageArgs,
  info: Pick<GraphQLResolveInfo, 'fieldNodes' | 'variableValues'>,
): { size: number; backward: boolean } {
  if (last == null) return { size: readPageSize(first), backward: false };
  if (isGiven('first', info)) throw badUserInput('Give either the argument "first" or "last", not both.');
  return { size: readPageSize(last, 'last'), backward: true };
}

/** True if the operation gives the argument a value. A default of the schema and a variable that is not set are none. */
function isGiven(
  name: string,
  { fieldNodes, variableValues }: Pick<GraphQLResolveInfo, 'fieldNodes' | 'variableValues'>,
): boolean {
  const value = fieldNodes[0]?.arguments?.find((it) => it.name.value === name)?.value;
  if (value?.kind === Kind.VARIABLE) return variableValues[value.name.value] != null;
  return value !== undefined && value.kind !== Kind.NULL;
}

export interface ConnectionOptions<Row, T> {
  size: number;
  /** The cursors that the page was requested with. */
  after: string | null | undefined;
  before?: string | null | undefined;
  /** True if the page is the end of its range. Then the surplus row is the first one. */
  backward?: boolean;
  cursors?: CursorFormat;
  toNode: (row: Row) => T;
}

/**
 * Returns a page of at most `size` rows. Pass `size` + 1 rows, so that it is known whether more of them exist. Its parts
 * are made when they are first read, because most queries select one of them.
 */
export function toConnection<Row, T>(
  rows: readonly Positioned<Row>[],
  { size, after, before, backward = false, cursors = timeCursors, toNode }: ConnectionOptions<Row, T>,
): Connection<T> {
  const more = rows.length > size;
  const page = backward ? rows.slice(-size) : rows.slice(0, size);
  const cursorOf = (it: Positioned<Row> | undefined) =>
    it?.position ? encodeCursor(it.position, cursors) : null;
  let nodes: T[] | undefined;
  return {
    get nodes() {
      nodes ??= page.map(({ row }) => toNode(row));
      return nodes;
    },
    get edges() {
      return this.nodes.map((node, at) => ({ cursor: cursorOf(page[at]) as string, node }));
    },
    get pageInfo() {
      return {
        hasNextPage: (more && !backward) || before != null,
        hasPreviousPage: (more && backward) || after != null,
        startCursor: cursorOf(page[0]),
        endCursor: cursorOf(page.at(-1)),
      };
    },
  };
}

function encodeCursor({ at, id }: KeysetPosition, { prefix }: CursorFormat): string {
  return Buffer.from(`${prefix}${at} ${id}`).toString('base64url');
}

const position = /^(.*) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/s;

/**
 * Returns the position that a cursor stands for. Null stands for the start or end of the list.
 *
 * @throws BAD_USER_INPUT unless this service made the cursor for a list of this order
 */
export function decodeCursor(
  cursor: string | null | undefined,
  { argument = 'after', cursors = timeCursors }: { argument?: string; cursors?: CursorFormat } = {},
): KeysetPosition | null {
  if (cursor == null) return null;
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, at = '', id = ''] =
    (text.startsWith(cursors.prefix) && position.exec(text.slice(cursors.prefix.length))) || [];
  // Decoding ignores characters that are not base64. Encoding again detects them.
  if (id === '' || !cursors.isValue(at) || encodeCursor({ at, id }, cursors) !== cursor)
    throw badUserInput(`The argument "${argument}" is not a valid cursor.`);
  return { at, id };
}

/** True for an existing date and time. Date reads 30 February as 1 March, but PostgreSQL refuses it. */
export function isTime(at: string): boolean {
  if (!/^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(at)) return false;
  const time = new Date(at);
  return !Number.isNaN(time.getTime()) && time.toISOString().slice(0, 19) === at.slice(0, 19);
}
