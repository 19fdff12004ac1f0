import { personalDataMap } from '../../../src/personal-data/personal-data-map';
import { shownFields } from '../../../src/personal-data/shown-fields';

describe('shownFields', () => {
  const { User, Erasure, AuditEntry, '*': anyType } = shownFields();

  it('returns the readers of the column that a field shows', () => {
    expect(User?.['displayName']).toEqual({ readers: 'anyone', isPersonal: false });
    expect(User?.['email']).toEqual({ readers: 'self', isPersonal: true });
    expect(User?.['statusNotes']).toEqual({ readers: 'staff', isPersonal: true });
    expect(Erasure?.['userId']?.readers).toBe('officers');
    expect(AuditEntry?.['reason']).toEqual({ readers: 'auditors', isPersonal: false });
  });

  it('returns the most restricted readers of all columns that a field shows', () => {
    const { users, ...rest } = personalDataMap;
    if (!users) throw new Error('the map has no users');
    const loyalty = { dataClass: 'behaviour', readers: 'staff', purpose: 'consent' } as const;
    const fields = shownFields({ ...rest, users: { ...users, columns: { ...users.columns, loyalty } } });
    expect(fields['User']?.['emailPreferences']?.readers).toBe('staff');
    expect(fields['EmailPreferences']?.['newsletter']?.readers).toBe('self');
  });

  it('returns fields of any type as readable by anyone', () => {
    expect(anyType?.['cursor']).toEqual({ readers: 'anyone', isPersonal: false });
  });
});
