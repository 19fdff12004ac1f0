import { follows, keysetStart } from '../../../src/postgres/keyset';

it.each([
  ['oldest first', '>'],
  ['newest first', '<'],
] as const)('follows compares time, then id, for a list ordered %s', (order, comparison) => {
  const parameters: unknown[] = ['before'];
  const bind = (value: unknown) => `$${parameters.push(value)}`;
  expect(follows('created_at', keysetStart, order, bind)).toBe(
    `(created_at, id) ${comparison} ($2::timestamptz, $3::uuid)`,
  );
  expect(parameters).toEqual(['before', '-infinity', keysetStart.id]);
});
