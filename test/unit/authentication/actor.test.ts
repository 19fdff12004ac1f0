import { type Actor, hasAnyUsersScope, hasScope } from '../../../src/authentication/actor';

const actor = (...scopes: string[]): Actor => ({ id: 'ada', scopes: new Set(scopes) });

describe('scopes of an actor', () => {
  it('hasScope includes users:read in users:write', () => {
    expect(hasScope(actor('users:write'), 'users:read')).toBe(true);
  });

  it('hasScope derives no scope from users:read, users:privacy or users:audit', () => {
    expect(hasScope(actor('users:read'), 'users:write')).toBe(false);
    expect(hasScope(actor('users:privacy', 'users:audit'), 'users:read')).toBe(false);
    expect(hasScope(actor('users:privacy', 'users:audit'), 'users:write')).toBe(false);
  });

  it('hasScope and hasAnyUsersScope return false without an actor', () => {
    expect(hasScope(null, 'users:read')).toBe(false);
    expect(hasAnyUsersScope(null)).toBe(false);
  });

  it('hasAnyUsersScope returns true only for scopes that start with users:', () => {
    expect(hasAnyUsersScope(actor('openid', 'users:audit'))).toBe(true);
    expect(hasAnyUsersScope(actor('openid', 'profile', 'super-users:read'))).toBe(false);
  });
});
