import {
  areHeld,
  daysOf,
  expiries,
  getExpiry,
  haveExpired,
  haveExpiredAfterFixedDays,
  haveExpiredUnheld,
  type RetentionPolicy,
} from '../../../src/personal-data/expiries';

const policy: RetentionPolicy = {
  RETENTION_DEACTIVATED_DAYS: null,
  RETENTION_HISTORY_DAYS: 365,
  PARKED_RETENTION_DAYS: null,
  OUTBOX_RETENTION_DAYS: 30,
  WAITING_DAYS: 30,
};

describe('expiries', () => {
  it('getExpiry returns the rule of a name with its table', () => {
    expect(getExpiry('pendingUsers')).toMatchObject({ table: 'users', days: 1, action: 'withdrawn' });
    expect(new Set(expiries.map(({ name }) => name)).size).toBe(expiries.length);
  });

  it('getExpiry throws for a name that the map does not have', () => {
    expect(() => getExpiry('diaries')).toThrow('The map of personal data has no expiry rule diaries');
  });

  it('daysOf returns the days of the rule, or those of its setting', () => {
    expect(daysOf(getExpiry('pendingUsers'), policy)).toBe(1);
    expect(daysOf(getExpiry('historyEntries'), policy)).toBe(365);
    expect(daysOf(getExpiry('users'), policy)).toBeNull();
  });

  it('haveExpired returns a condition on the age of the records', () => {
    expect(haveExpired(getExpiry('historyEntries'), '$1')).toBe(
      'recorded_at < now() - make_interval(days => $1)',
    );
  });

  it('haveExpired keeps the condition that selects the records', () => {
    const condition = haveExpired(getExpiry('users'), 90);
    expect(condition).toMatch(/^status = 'DEACTIVATED'\s+AND NOT EXISTS \(SELECT FROM erasures /);
    expect(condition).toMatch(/ AND status_changed_at < now\(\) - make_interval\(days => 90\)$/);
  });

  it('haveExpiredAfterFixedDays returns the condition of a rule with fixed days only', () => {
    expect(haveExpiredAfterFixedDays('pendingUsers')).toBe(haveExpired(getExpiry('pendingUsers'), 1));
    expect(() => haveExpiredAfterFixedDays('users')).toThrow('RETENTION_DEACTIVATED_DAYS');
  });

  it('areHeld returns a condition on the legal holds of the records’ users', () => {
    expect(areHeld(getExpiry('historyEntries'))).toContain('WHERE user_id = held_user_id::uuid');
    expect(haveExpiredUnheld(getExpiry('users'), 90)).toContain('AND NOT EXISTS (');
  });

  it('areHeld returns false for records of no user', () => {
    expect(areHeld(getExpiry('deliveryAttempts'))).toBe('false');
  });
});
