import { changesOf } from '../../../src/audit/audit-changes';

const address = { street: '1 Main Street', city: 'Springfield' };

describe('changesOf', () => {
  it('returns each part of a first, changed and removed address as a change of its own', () => {
    const street = { field: 'address.street', before: null, after: '1 Main Street' };
    const city = { field: 'address.city', before: null, after: 'Springfield' };
    expect(changesOf({ before: { address: null }, after: { address } })).toEqual([city, street]);
    expect(changesOf({ before: null, after: { address } })).toEqual([city, street]);
    expect(changesOf({ before: { address }, after: { address: null } })).toEqual([
      { field: 'address.city', before: 'Springfield', after: null },
      { field: 'address.street', before: '1 Main Street', after: null },
    ]);
    const moved = { street: '1 Main Street', city: 'Shelbyville' };
    expect(changesOf({ before: { address }, after: { address: moved } })).toEqual([
      { field: 'address.city', before: 'Springfield', after: 'Shelbyville' },
    ]);
  });

  it('returns fields by name, with null where nothing was, and without those that stay', () => {
    const before = { locale: 'en', lastName: 'Lovelace', firstName: 'Ada' };
    const after = { locale: null, lastName: 'Lovelace', displayName: 'Ada' };
    expect(changesOf({ before, after })).toEqual([
      { field: 'displayName', before: null, after: 'Ada' },
      { field: 'firstName', before: 'Ada', after: null },
      { field: 'locale', before: 'en', after: null },
    ]);
  });
});
