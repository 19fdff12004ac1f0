import { personalDataMap } from '../../../src/personal-data/personal-data-map';
import { personalDataNames } from '../../../src/personal-data/personal-data-names';

describe('personalDataNames', () => {
  const names = personalDataNames();

  it('contains names of columns, message fields and graph fields with personal data', () => {
    expect(names).toEqual(expect.arrayContaining(['email', 'firstName', 'additionalNotes', 'spent']));
  });

  it('contains columns in camel case', () => {
    expect(names).toContain('emailNormalized');
    expect(names.filter((name) => name.includes('_'))).toEqual([]);
  });

  it('leaves out ids, actors and names that are also technical', () => {
    for (const name of ['id', 'userId', 'orderId', 'actor', 'requestedBy', 'type', 'method'])
      expect(names).not.toContain(name);
  });

  it('contains a column that is added to the map', () => {
    const { users, ...rest } = personalDataMap;
    if (!users) throw new Error('the map has no users');
    const shoeSize = { dataClass: 'behaviour', readers: 'service', purpose: 'to fit shoes' } as const;
    const map = { ...rest, users: { ...users, columns: { ...users.columns, shoe_size: shoeSize } } };
    expect(personalDataNames(map)).toEqual([...names, 'shoeSize'].sort());
  });
});
