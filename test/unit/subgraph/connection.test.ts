import { decodeCursor, toConnection } from '../../../src/subgraph/connection';

const id = '018f0000-0000-7000-8000-000000000000';
const cursorAt = (at: string) => Buffer.from(`${at} ${id}`).toString('base64url');

describe('a cursor', () => {
  it('comes back as the position it was made of, to the microsecond', () => {
    const position = { at: '2024-02-29T23:59:59.123456Z', id };
    const { pageInfo } = toConnection([{ row: 'a', position }], 1, null, (row) => row);
    expect(decodeCursor(pageInfo.endCursor)).toEqual(position);
  });

  it.each([
    '2024-02-30T00:00:00.000000Z',
    '2024-02-20T24:00:00.000000Z',
    '2024-13-01T00:00:00.000000Z',
    '0000-01-01T00:00:00.000000Z',
    '12345-01-01T00:00:00.000000Z',
    'ada@example.com',
  ])('is refused without being repeated when PostgreSQL would not take its time: %s', (at) => {
    expect(() => decodeCursor(cursorAt(at))).toThrow(/^after is not a cursor of this list\.$/);
  });
});
