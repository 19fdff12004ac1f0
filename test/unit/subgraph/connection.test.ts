import { decodeCursor, toConnection } from '../../../src/subgraph/connection';

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
});
