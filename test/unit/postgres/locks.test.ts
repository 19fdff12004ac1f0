import { lockKeys } from '../../../src/postgres/locks';

it('lockKeys gives each mechanism a key of its own', () => {
  const keys = Object.values(lockKeys);
  expect(new Set(keys).size).toBe(keys.length);
});
