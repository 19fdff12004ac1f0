import { OperationNames } from '../../../src/telemetry/operation-names';

describe('OperationNames', () => {
  it('label returns the name of a valid operation', () => {
    const names = new OperationNames();
    expect(names.label('TopProducts__users__1', true)).toBe('TopProducts__users__1');
    expect(names.label('UpdateUser', true)).toBe('UpdateUser');
  });

  it('label returns anonymous for an operation without a name', () => {
    const names = new OperationNames();
    for (const none of [undefined, null, '']) expect(names.label(none, true)).toBe('anonymous');
  });

  it('label returns other for an invalid operation', () => {
    const names = new OperationNames();
    expect(names.label('Nonsense', false)).toBe('other');
    names.label('Sense', true);
    expect(names.label('Sense', false)).toBe('Sense');
  });

  it.each([
    'User_0198c2f4a7b17c3e9f00aabbccddeeff',
    'Get_0198c2f4_a7b1_7c3e_9f00_aabbccddeeff',
    'order12345',
    'x'.repeat(81),
  ])('label returns other for %s', (name) => {
    expect(new OperationNames().label(name, true)).toBe('other');
  });

  it('label returns at most one hundred names and other', () => {
    const names = new OperationNames();
    const letters = (n: number) =>
      String.fromCharCode(103 + (n % 20), 103 + (Math.floor(n / 20) % 20), 103 + Math.floor(n / 400));
    const labels = new Set(Array.from({ length: 5000 }, (_, n) => names.label(`Op${letters(n)}`, true)));
    expect(labels.size).toBe(101);
    expect(labels).toContain('other');
  });
});
