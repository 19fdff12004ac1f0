import { randomBytes } from 'node:crypto';
import { type ChangedValues, decryptValues, encryptValues } from '../../../src/audit/audit-values';

const key = randomBytes(32);
const values: ChangedValues = { before: { firstName: 'Ada' }, after: { firstName: 'Augusta' } };

describe('decryptValues', () => {
  it('returns the values that encryptValues encrypted', () => {
    expect(decryptValues(key, 'entry', encryptValues(key, 'entry', values))).toEqual(values);
  });

  it('throws for another key, another entry and any changed byte', () => {
    const bytes = encryptValues(key, 'entry', values);
    expect(() => decryptValues(randomBytes(32), 'entry', bytes)).toThrow();
    expect(() => decryptValues(key, 'another', bytes)).toThrow();
    for (const at of bytes.keys()) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 1;
      expect(() => decryptValues(key, 'entry', changed)).toThrow();
    }
  });
});

describe('encryptValues', () => {
  it('returns other bytes for equal values, without names or values in them', () => {
    const [one, other] = [encryptValues(key, 'entry', values), encryptValues(key, 'entry', values)];
    expect(one.includes('Ada') || one.includes('firstName')).toBe(false);
    expect(one.equals(other)).toBe(false);
  });
});
