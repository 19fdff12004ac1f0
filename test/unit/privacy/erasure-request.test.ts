import { graceDaysOf, reasonsOf } from '../../../src/privacy/erasure-request';
import type { User } from '../../../src/users/user.entity';

const id = '01975a5e-1111-7000-8000-0000000000ad';
const other = '01975a5e-1111-7000-8000-0000000000ae';
const caller = (sub: string, ...scopes: string[]) => ({
  actor: { id: sub, scopes: new Set(scopes) },
  traceparent: null,
});

describe('graceDaysOf', () => {
  it.each([
    ['the person', caller(id), undefined, 7],
    ['the person in capitals', caller(id.toUpperCase()), null, 7],
    ['the person as an officer', caller(id, 'users:privacy'), undefined, 0],
    ['the person as an officer, with days', caller(id, 'users:privacy'), 3, 3],
    ['an officer', caller('officer', 'users:privacy'), undefined, 0],
    ['an officer who is a user', caller(other, 'users:privacy'), null, 0],
    ['an officer, immediately', caller('officer', 'users:privacy'), 0, 0],
    ['an officer, with the most days', caller('officer', 'users:privacy'), 90, 90],
  ])('returns the days of %s', (_who, by, graceDays, days) => {
    expect(graceDaysOf(by, { userId: id, graceDays }, 7)).toBe(days);
  });

  it.each([
    ['days that people set for themselves', caller(id), 3],
    ['0 days that people set for themselves', caller(id), 0],
    ['fewer than 0 days', caller('officer', 'users:privacy'), -1],
    ['more than 90 days', caller('officer', 'users:privacy'), 91],
  ])('throws for %s', (_what, by, graceDays) => {
    expect(() => graceDaysOf(by, { userId: id, graceDays }, 7)).toThrow(
      expect.objectContaining({ fields: [expect.objectContaining({ path: 'graceDays', code: 'REJECTED' })] }),
    );
  });
});

it('reasonsOf returns the policy, a code for a person’s own request, or the words of staff', () => {
  const user = { id } as User;
  const policy = 'RETENTION_DEACTIVATED_DAYS' as const;
  expect(reasonsOf(caller('retention'), user, { userId: id, policy }, null)).toEqual({
    reason: policy,
    auditReason: policy,
  });
  expect(reasonsOf(caller(id.toUpperCase()), user, { userId: id }, 'my words')).toEqual({
    reason: null,
    auditReason: 'USER_REQUESTED',
  });
  expect(reasonsOf(caller(other), user, { userId: id }, 'a letter')).toEqual({
    reason: 'a letter',
    auditReason: null,
  });
});
