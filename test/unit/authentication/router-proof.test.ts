import { createRouterProof } from '../../../src/authentication/router-proof';

describe('createRouterProof', () => {
  it('accepts each current secret and no other header', () => {
    const accepts = createRouterProof(['new secret', 'old secret']);
    expect(accepts('new secret')).toBe(true);
    expect(accepts('old secret')).toBe(true);
    for (const wrong of [
      'new secre',
      'new secret ',
      'NEW SECRET',
      'new secret,old secret',
      'Bearer new secret',
      '',
    ]) {
      expect(accepts(wrong)).toBe(false);
    }
    expect(accepts(undefined)).toBe(false);
  });

  it('rejects headers of any length without throwing', () => {
    const accepts = createRouterProof(['short']);
    expect(accepts('x'.repeat(100_000))).toBe(false);
    expect(accepts('s')).toBe(false);
  });

  it('accepts a non-ASCII secret sent as UTF-8 bytes', () => {
    const accepts = createRouterProof(['pässword']);
    expect(accepts(Buffer.from('pässword').toString('latin1'))).toBe(true);
  });

  it('accepts every header if there are no secrets', () => {
    const accepts = createRouterProof([]);
    expect(accepts(undefined)).toBe(true);
    expect(accepts('anything')).toBe(true);
  });
});
