import { type Actor, hasAnyUsersScope, hasScope } from '../../../src/authentication/actor';

const actor = (...scopes: string[]): Actor => ({ id: 'someone', scopes: new Set(scopes) });

describe('actor', () => {
  it('reads with users:write', () => {
    expect(hasScope(actor('users:write'), 'users:read')).toBe(true);
  });

  it('does not write with users:read, and neither reads nor writes with users:privacy or users:audit', () => {
    expect(hasScope(actor('users:read'), 'users:write')).toBe(false);
    expect(hasScope(actor('users:privacy', 'users:audit'), 'users:read')).toBe(false);
    expect(hasScope(actor('users:privacy', 'users:audit'), 'users:write')).toBe(false);
  });

  it('holds nothing when nobody asks', () => {
    expect(hasScope(null, 'users:read')).toBe(false);
    expect(hasAnyUsersScope(null)).toBe(false);
  });

  it('tells tokens of staff from tokens of people by any users:* scope', () => {
    expect(hasAnyUsersScope(actor('openid', 'users:audit'))).toBe(true);
    expect(hasAnyUsersScope(actor('openid', 'profile', 'super-users:read'))).toBe(false);
  });
});
