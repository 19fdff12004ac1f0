import { personalDataMap } from '../../src/personal-data/personal-data-map';
import { personalDataNames } from '../../src/personal-data/personal-data-names';
import { createServiceLog } from '../../src/service-log';

describe('createServiceLog', () => {
  it('redacts every column of personal data, in snake and camel case, and keeps ids', () => {
    const lines: string[] = [];
    const log = createServiceLog({
      level: 'info',
      readable: false,
      destination: { write: (line) => void lines.push(line) },
    });
    const columns = Object.values(personalDataMap).flatMap((table) =>
      Object.entries(table.columns).flatMap(([name, { dataClass }]) =>
        ['contact', 'identity'].includes(dataClass) && !/(^|_)id$|_by$/.test(name) ? [name] : [],
      ),
    );
    expect(columns).toEqual(
      expect.arrayContaining(['email', 'pending_email', 'first_name', 'address', 'locale']),
    );
    const camelCase = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    for (const name of [
      ...columns,
      ...columns.map(camelCase),
      'displayName',
      'street',
      'statusNotes',
      'notes',
    ])
      log.info({
        [name]: 'personal-value',
        deeper: [{ [name]: 'personal-value' }],
        userId: 'u-1',
        type: 'UserCreated',
      });
    for (const line of lines) {
      expect(line).not.toContain('personal-value');
      expect(line).toContain('"userId":"u-1","type":"UserCreated"');
    }
  });

  it('personalDataNames returns every field declared in the map', () => {
    const users = personalDataMap['users'];
    if (!users) throw new Error('no users');
    const shoeSize = { dataClass: 'identity', readers: 'service', purpose: 'test' } as const;
    const map = {
      ...personalDataMap,
      users: { ...users, columns: { ...users.columns, shoe_size: shoeSize } },
    };
    expect(personalDataNames()).not.toContain('shoeSize');
    expect(personalDataNames(map)).toContain('shoeSize');
  });
});
