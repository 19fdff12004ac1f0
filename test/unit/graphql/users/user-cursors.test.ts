import { cursorsOf } from '../../../../src/graphql/users/user-cursors';

const time = '2026-03-01T10:00:00.000000Z';

describe('cursorsOf', () => {
  it('returns a prefix for each order but the default one', () => {
    expect(cursorsOf({ field: 'CREATED_AT', direction: 'DESC' }).prefix).toBe('');
    expect(cursorsOf({ field: 'CREATED_AT', direction: 'ASC' }).prefix).toBe('CREATED_AT ASC ');
    expect(cursorsOf({ field: 'LAST_NAME', direction: 'DESC' }).prefix).toBe('LAST_NAME DESC ');
  });

  it.each([
    ['CREATED_AT', { [time]: true, '': false, king: false }],
    ['UPDATED_AT', { [time]: true, '': false, king: false }],
    ['LAST_SEEN_AT', { [time]: true, '': true, king: false }],
    ['LAST_NAME', { '': true, king: true, 'ki\0ng': false }],
  ] as const)('accepts the values by which a list is ordered: %s', (field, expected) => {
    const { isValue } = cursorsOf({ field, direction: 'ASC' });
    const found = Object.keys(expected).map((at) => [at, isValue(at)]);
    expect(Object.fromEntries(found)).toEqual(expected);
  });

  it('accepts the longest last name and no longer text', () => {
    const { isValue } = cursorsOf({ field: 'LAST_NAME', direction: 'ASC' });
    expect(isValue('x'.repeat(2_000))).toBe(true);
    expect(isValue('x'.repeat(2_001))).toBe(false);
  });
});
