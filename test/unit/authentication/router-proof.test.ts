import { createRouterProof } from '../../../src/authentication/router-proof';

describe('router proof', () => {
  it('passes every secret in force and nothing else', () => {
    const proves = createRouterProof(['new secret', 'old secret']);
    expect(proves('new secret')).toBe(true);
    expect(proves('old secret')).toBe(true);
    for (const wrong of [
      'new secre',
      'new secret ',
      'NEW SECRET',
      'new secret,old secret',
      'Bearer new secret',
      '',
    ]) {
      expect(proves(wrong)).toBe(false);
    }
    expect(proves(undefined)).toBe(false);
  });

  it('compares secrets of any length without throwing', () => {
    const proves = createRouterProof(['short']);
    expect(proves('x'.repeat(100_000))).toBe(false);
    expect(proves('s')).toBe(false);
  });

  it('knows a secret outside ASCII by its UTF-8 bytes, as Node hands them over', () => {
    const proves = createRouterProof(['pässword']);
    expect(proves(Buffer.from('pässword').toString('latin1'))).toBe(true);
  });

  it('asks for nothing without secrets', () => {
    const proves = createRouterProof([]);
    expect(proves(undefined)).toBe(true);
    expect(proves('anything')).toBe(true);
  });
});
