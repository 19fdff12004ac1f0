import { type FieldNode, type OperationDefinitionNode, parse } from 'graphql';
import { decodeCursor, readPageSize, readTwoWaySize, toConnection } from '../../../src/subgraph/connection';

const id = '018f0000-0000-7000-8000-000000000000';
const cursorAt = (at: string) => Buffer.from(`${at} ${id}`).toString('base64url');

it('toConnection returns no cursors for rows whose position was not read', () => {
  const { nodes, pageInfo } = toConnection([{ row: 'a', position: null }], {
    size: 1,
    after: null,
    toNode: (row) => row,
  });
  expect(nodes).toEqual(['a']);
  expect(pageInfo).toMatchObject({ startCursor: null, endCursor: null, hasNextPage: false });
});

describe('toConnection', () => {
  const rows = ['a', 'b', 'c'].map((row) => ({ row, position: { at: row, id } }));
  const page = (options: { size: number; after?: string; before?: string; backward?: boolean }) => {
    const { nodes, edges, pageInfo } = toConnection(rows, {
      after: null,
      toNode: (row: string) => row.toUpperCase(),
      ...options,
    });
    return Object.assign({ nodes, edges }, pageInfo);
  };

  it('leaves out the surplus row at the end, or at the beginning of a backward page', () => {
    expect(page({ size: 2 })).toEqual({
      nodes: ['A', 'B'],
      edges: [
        { cursor: cursorAt('a'), node: 'A' },
        { cursor: cursorAt('b'), node: 'B' },
      ],
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: cursorAt('a'),
      endCursor: cursorAt('b'),
    });
    expect(page({ size: 2, backward: true })).toMatchObject({
      nodes: ['B', 'C'],
      hasNextPage: false,
      hasPreviousPage: true,
      startCursor: cursorAt('b'),
      endCursor: cursorAt('c'),
    });
  });

  it('has no other page if no row is surplus and no cursor is given', () => {
    const none = { nodes: ['A', 'B', 'C'], hasNextPage: false, hasPreviousPage: false };
    expect(page({ size: 3 })).toMatchObject(none);
    expect(page({ size: 3, backward: true })).toMatchObject(none);
  });

  it('has another page on the side of each given cursor', () => {
    expect(page({ size: 3, after: 'x' })).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    expect(page({ size: 3, before: 'x' })).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const after = page({ size: 3, after: 'x', backward: true });
    expect(after).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    const before = page({ size: 3, before: 'x', backward: true });
    expect(before).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  });
});

describe('the size of a page', () => {
  const query = `query ($n: Int) {
    none: f first: f(first: 20) null: f(first: null) variable: f(first: $n) other: f(after: "x")
  }`;
  const { selectionSet } = parse(query).definitions[0] as OperationDefinitionNode;
  const fields = new Map(
    (selectionSet.selections as readonly FieldNode[]).map((it) => [it.alias?.value, it]),
  );
  const sizeOf = (last: number | null, field: string, variableValues = {}) =>
    readTwoWaySize(
      { first: 20, last, after: null, before: null },
      {
        fieldNodes: [fields.get(field) as FieldNode],
        variableValues,
      },
    );

  it('is from 1 to 100, by default 20', () => {
    expect([null, 1, 100].map((first) => readPageSize(first))).toEqual([20, 1, 100]);
    for (const first of [0, -1, 101])
      expect(() => readPageSize(first)).toThrow('The argument "first" must be between 1 and 100.');
    expect(() => sizeOf(101, 'none')).toThrow('The argument "last" must be between 1 and 100.');
  });

  it.each(['none', 'null', 'variable', 'other'])('is that of `last` if `first` has no value: %s', (field) => {
    expect(sizeOf(5, field)).toEqual({ size: 5, backward: true });
    expect(sizeOf(null, field)).toEqual({ size: 20, backward: false });
  });

  it('is refused if the operation gives `first` and `last`', () => {
    for (const [field, variables] of [['first'], ['variable', { n: 20 }]] as const)
      expect(() => sizeOf(5, field, variables)).toThrow(
        'Give either the argument "first" or "last", not both.',
      );
    expect(sizeOf(null, 'first')).toEqual({ size: 20, backward: false });
  });
});

describe('decodeCursor', () => {
  it('returns the position of the cursor to the microsecond', () => {
    const position = { at: '2024-02-29T23:59:59.123456Z', id };
    const { pageInfo } = toConnection([{ row: 'a', position }], {
      size: 1,
      after: null,
      toNode: (row) => row,
    });
    expect(decodeCursor(pageInfo.endCursor)).toEqual(position);
  });

  it.each([
    '2024-02-30T00:00:00.000000Z',
    '2024-02-20T24:00:00.000000Z',
    '2024-13-01T00:00:00.000000Z',
    '0000-01-01T00:00:00.000000Z',
    '12345-01-01T00:00:00.000000Z',
    'ada@example.com',
  ])('refuses a time that PostgreSQL would refuse, without repeating it: %s', (at) => {
    expect(() => decodeCursor(cursorAt(at))).toThrow(/^The argument "after" is not a valid cursor\.$/);
  });

  it('returns null without a cursor', () => {
    expect(decodeCursor(null)).toBeNull();
    expect(decodeCursor(undefined)).toBeNull();
  });

  it('refuses the cursors of another order, and text that the service did not write', () => {
    const cursors = { prefix: 'NAME ', isValue: () => true };
    const cursor = cursorAt('NAME king');
    expect(decodeCursor(cursor, { cursors })).toEqual({ at: 'king', id });
    for (const other of [cursorAt('king'), `${cursor}=`, `${cursor.slice(0, 4)}!${cursor.slice(4)}`, ''])
      expect(() => decodeCursor(other, { argument: 'before', cursors })).toThrow(
        'The argument "before" is not a valid cursor.',
      );
  });
});
