import { randomBytes, randomUUID } from 'node:crypto';
import { base64url, decodeJwt, SignJWT } from 'jose';
import {
  digestEmail,
  signEmailVerificationToken,
  verifyEmailVerificationToken,
} from '../../../src/verification/email-verification-token';

const key = randomBytes(64);
const now = new Date('2026-03-01T12:00:00Z');
const claims = {
  tokenId: randomUUID(),
  userId: randomUUID(),
  emailDigest: digestEmail(key, 'ada@example.com'),
  expiresAt: new Date('2026-03-02T12:00:00Z'),
};

describe('verifyEmailVerificationToken', () => {
  it('returns the signed claims until the token expires', async () => {
    const token = await signEmailVerificationToken(key, claims);
    expect(await verifyEmailVerificationToken(key, token, now)).toEqual(claims);
    expect(await verifyEmailVerificationToken(key, token, new Date(claims.expiresAt.getTime() - 1))).toEqual(
      claims,
    );
    expect(await verifyEmailVerificationToken(key, token, claims.expiresAt)).toBeNull();
  });

  it('returns null for another key, a changed payload or signature, and malformed text', async () => {
    const token = await signEmailVerificationToken(key, claims);
    expect(await verifyEmailVerificationToken(randomBytes(32), token, now)).toBeNull();
    const [header, payload, signature] = token.split('.') as [string, string, string];
    const other = base64url.encode(JSON.stringify({ ...decodeJwt(token), sub: randomUUID() }));
    for (const wrong of [
      `${header}.${other}.${signature}`,
      `${header}.${payload}.`,
      '',
      'a.b.c',
      `${token}x`,
      '🙂',
    ]) {
      expect(await verifyEmailVerificationToken(key, wrong, now)).toBeNull();
    }
  });

  it.each([
    ['typ', { typ: 'JWT' }, {}],
    ['alg', { alg: 'HS512' }, {}],
    ['no typ', { typ: undefined }, {}],
    ['aud', {}, { aud: 'user-service' }],
    ['no aud', {}, { aud: undefined }],
    ['no exp', {}, { exp: undefined }],
    ['no sub', {}, { sub: undefined }],
    ['no digest', {}, { email_digest: undefined }],
  ])('returns null for a token of another kind with the same key (%s)', async (_, header, changed) => {
    const good = decodeJwt(await signEmailVerificationToken(key, claims));
    const sign = (head: object, body: object) =>
      new SignJWT({ ...good, ...body })
        .setProtectedHeader({ alg: 'HS256', typ: 'email-verification+jwt', ...head })
        .sign(key);
    expect(await verifyEmailVerificationToken(key, await sign({}, {}), now)).toEqual(claims);
    expect(await verifyEmailVerificationToken(key, await sign(header, changed), now)).toBeNull();
  });
});

describe('signEmailVerificationToken', () => {
  it('puts a keyed digest of the address into the token, not the address', async () => {
    const token = await signEmailVerificationToken(key, claims);
    expect(JSON.stringify(decodeJwt(token))).not.toMatch(/ada@|example/);
    expect(digestEmail(key, 'ada@example.com')).toBe(claims.emailDigest);
    expect(digestEmail(key, 'adb@example.com')).not.toBe(claims.emailDigest);
    expect(digestEmail(randomBytes(32), 'ada@example.com')).not.toBe(claims.emailDigest);
  });

  it('throws RangeError for a key of fewer than 32 bytes', () => {
    expect(() => signEmailVerificationToken(randomBytes(31), claims)).toThrow(RangeError);
  });
});
