import { randomBytes, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { signUnsubscribeToken, verifyUnsubscribeToken } from '../../../src/consent/unsubscribe-token';

const keys = [randomBytes(32), randomBytes(32)];
const find = async (generation: number) => keys[generation - 1] ?? null;
const signer = { generation: 2, key: keys[1] as Buffer };
const claims = { userId: randomUUID(), topic: 'orderUpdates' } as const;

describe('verifyUnsubscribeToken', () => {
  it('returns the signed claims of a token that is always the same and fits into a header', async () => {
    const token = await signUnsubscribeToken(signer, claims);
    expect(await verifyUnsubscribeToken(token, find)).toEqual(claims);
    expect(await signUnsubscribeToken(signer, claims)).toBe(token);
    expect(token.length).toBeLessThan(300);
  });

  it('uses the key of the generation in the token', async () => {
    const old = await signUnsubscribeToken({ generation: 1, key: keys[0] as Buffer }, claims);
    expect(await verifyUnsubscribeToken(old, find)).toEqual(claims);
    expect(await verifyUnsubscribeToken(old, async () => keys[1] as Buffer)).toBeNull();
    expect(await verifyUnsubscribeToken(old, async () => null)).toBeNull();
  });

  it.each([
    ['another type', { typ: 'email-verification+jwt' }, 'user-service/unsubscribe', 'newsletter', true],
    ['another audience', {}, 'user-service/email-verification', 'newsletter', true],
    ['another topic', {}, 'user-service/unsubscribe', 'version', true],
    ['no subject', {}, 'user-service/unsubscribe', 'newsletter', false],
    ['no key number', { kid: '' }, 'user-service/unsubscribe', 'newsletter', true],
  ])('returns null for %s despite a valid signature', async (_what, header, audience, topic, hasSubject) => {
    const jwt = new SignJWT({ topic, ...(hasSubject ? { sub: claims.userId } : {}) })
      .setProtectedHeader({ alg: 'HS256', typ: 'unsubscribe+jwt', kid: '2', ...header })
      .setAudience(audience);
    expect(await verifyUnsubscribeToken(await jwt.sign(signer.key), find)).toBeNull();
  });

  it('returns null for malformed text', async () => {
    for (const text of ['', '.', 'a.b.c', 'eyJ.eyJ.x'])
      expect(await verifyUnsubscribeToken(text, find)).toBeNull();
  });
});
