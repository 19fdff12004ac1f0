import { canonical } from '../../../src/users/idempotency';

const ofInput = (input: object) => canonical({ mutation: 'createUser', input });

describe('canonical', () => {
  it('returns the same text whatever the order of keys, at any depth', () => {
    expect(ofInput({ a: 1, address: { city: 'Berlin', street: 'A 1' } })).toBe(
      ofInput({ address: { street: 'A 1', city: 'Berlin' }, a: 1 }),
    );
  });

  it('returns the same text for absent and undefined, and another for null', () => {
    expect(ofInput({ locale: undefined, address: { city: undefined } })).toBe(ofInput({ address: {} }));
    expect(ofInput({ locale: null })).not.toBe(ofInput({}));
  });

  it('omits the idempotency key', () => {
    expect(ofInput({ a: 1, idempotencyKey: 'one' })).toBe(ofInput({ a: 1, idempotencyKey: 'two' }));
    expect(ofInput({ a: 1, idempotencyKey: 'one' })).not.toContain('one');
  });

  it('contains whether there is a password, and nothing of it', () => {
    expect(ofInput({ password: 'correct horse' })).toBe(ofInput({ password: 'battery staple' }));
    expect(ofInput({ password: 'correct horse' })).not.toMatch(/correct|horse/);
    expect(ofInput({ password: 'correct horse' })).not.toBe(ofInput({}));
    expect(ofInput({ password: null })).toBe(ofInput({}));
  });

  it.each([
    ['values', { a: '1' }, { a: '2' }],
    ['types of values', { a: '1' }, { a: 1 }],
    ['names', { a: 1 }, { b: 1 }],
    ['orders of a list', { a: [1, 2] }, { a: [2, 1] }],
    ['a value and a list of it', { a: 1 }, { a: [1] }],
    ['an object and the list of its entries', { a: { b: 1 } }, { a: [{ b: 1 }] }],
  ])('returns another text for other %s', (_what, one, other) => {
    expect(ofInput(one)).not.toBe(ofInput(other));
  });

  it('returns another text for another mutation', () => {
    expect(canonical({ mutation: 'updateUser', input: {} })).not.toBe(ofInput({}));
  });
});
