import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { base64url, type CryptoKey, exportJWK, exportSPKI, importJWK, SignJWT } from 'jose';
import { pino } from 'pino';
import {
  KeysUnavailableError,
  UnauthenticatedError,
} from '../../../src/authentication/authentication.errors';
import { createTokenVerifier } from '../../../src/authentication/token-verifier';
import { signEmailVerificationToken } from '../../../src/verification/email-verification-token';
import { type Claims, makeSigningKey, type SigningKey, signClaims } from '../../testkit/jwks-server';

const log = pino({ level: 'silent' });
const startedAt = Date.UTC(2026, 2, 1);
const startedAtSeconds = startedAt / 1_000;
const id = '0195a3c4-7b2e-7f00-8000-0123456789ab';
const usual = { iss: 'https://auth.test', aud: 'user-service', sub: id, exp: startedAtSeconds + 60 };

let key: SigningKey;
let nowMs = startedAt;

beforeAll(async () => {
  key = await makeSigningKey();
});
beforeEach(() => {
  nowMs = startedAt;
});

const verifierOf = (signingKey = key) =>
  createTokenVerifier({
    keys: { developmentKey: signingKey.publicJwk },
    issuer: usual.iss,
    audience: usual.aud,
    log,
    now: () => nowMs,
  });
const verifyToken = (token: string, signingKey = key) => verifierOf(signingKey).verify(`Bearer ${token}`);
const verifyClaims = async (claims: Claims) => verifyToken(await signClaims(key, { ...usual, ...claims }));

async function rejection(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UnauthenticatedError);
  expect((error as Error).cause).toBeUndefined();
  return (error as Error).message;
}

describe('verify', () => {
  it('returns null without a header', async () => {
    expect(await verifierOf().verify(undefined)).toBeNull();
  });

  it('returns the subject, the scopes and the time of authentication', async () => {
    const actor = await verifyClaims({
      scope: 'openid  users:read users:write',
      auth_time: startedAtSeconds - 30,
    });
    expect(actor).toEqual({
      id,
      scopes: new Set(['openid', 'users:read', 'users:write']),
      authenticatedAt: new Date(startedAt - 30_000),
    });
    expect(await verifyClaims({})).toEqual({ id, scopes: new Set() });
  });

  it.each([true, false, 'true', 'false', 1, null, undefined])(
    'returns the address of the token only for email_verified true, not %j',
    async (email_verified) => {
      const actor = await verifyClaims({ email: 'ada@example.com', email_verified });
      expect(actor?.verifiedEmail).toBe(email_verified === true ? 'ada@example.com' : undefined);
    },
  );

  it('accepts the scheme in any case, one of several audiences, and a UUID in upper case', async () => {
    const token = await signClaims(key, { ...usual, aud: ['other', usual.aud], sub: id.toUpperCase() });
    expect(await verifierOf().verify(`bearer ${token}`)).toMatchObject({ id });
  });

  it.each(['RS256', 'PS256', 'ES384', 'EdDSA'])('accepts %s', async (alg) => {
    const other = await makeSigningKey(alg);
    expect(await verifyToken(await signClaims(other, usual), other)).toMatchObject({ id });
  });

  it.each([
    '',
    ' ',
    'Bearer',
    'Bearer ',
    'Basic YTpi',
    'Bearer a b',
    'Bearer a.b',
    'Bearer a.b.c.d.e',
    'bearer: a.b.c',
  ])('rejects the header "%s"', async (header) => {
    expect(await rejection(verifierOf().verify(header))).toMatch(/not a Bearer token/);
  });

  it('rejects a header with two tokens, and a token without a scheme', async () => {
    const token = await signClaims(key, usual);
    for (const header of [`Bearer ${token}, Bearer ${token}`, `Bearer ${token},${token}`, token]) {
      expect(await rejection(verifierOf().verify(header))).toMatch(/not a Bearer token/);
    }
  });

  it.each<[string, Claims, RegExp]>([
    ['another issuer', { iss: 'https://evil.test' }, /"iss".*not accepted/],
    ['no issuer', { iss: undefined }, /"iss".*missing/],
    ['another audience', { aud: 'billing' }, /"aud".*not accepted/],
    ['no audience', { aud: undefined }, /"aud".*missing/],
    ['no expiry', { exp: undefined }, /"exp".*missing/],
    ['a textual expiry', { exp: '2100-01-01' }, /"exp"/],
    ['an expiry in the past', { exp: startedAtSeconds - 6 }, /expired/],
    ['a start in the future', { nbf: startedAtSeconds + 6 }, /"nbf"/],
    ['no subject', { sub: undefined }, /"sub".*missing/],
    ['an empty subject', { sub: '' }, /"sub"/],
    ['a subject that is not text', { sub: 7 }, /"sub"/],
    ['a subject with a line break', { sub: 'a\nb' }, /"sub"/],
    ['a subject of 256 characters', { sub: 'a'.repeat(256) }, /"sub"/],
    ['a subject with a control character of Latin-1', { sub: 'a\u0085b' }, /"sub"/],
    ['a subject with half a character', { sub: 'a\ud83d' }, /"sub"/],
    ['the operator as the subject', { sub: 'command-line' }, /"sub"/],
    ['retention as the subject', { sub: 'retention' }, /"sub"/],
    ['an unsubscribe link as the subject', { sub: 'unsubscribe-link' }, /"sub"/],
    [
      'a token bound to a certificate',
      { cnf: { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' } },
      /"cnf"/,
    ],
    ['a token bound to a key', { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } }, /"cnf"/],
    ['an empty confirmation', { cnf: null }, /"cnf"/],
    ['scopes in a list', { scope: ['users:write'] }, /"scope"/],
    ['an authentication in the future', { auth_time: startedAtSeconds + 6 }, /"auth_time"/],
    ['a textual authentication time', { auth_time: 'now' }, /"auth_time"/],
  ])('rejects %s', async (_, claims, message) => {
    expect(await rejection(verifyClaims(claims))).toMatch(message);
  });

  it.each([undefined, 'JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/jwt', 'Application/AT+JWT'])(
    'accepts the type %s',
    async (typ) => {
      expect(await verifyToken(await signClaims(key, usual, { typ }))).toMatchObject({ id });
    },
  );

  it.each([
    'id+jwt',
    'logout+jwt',
    'dpop+jwt',
    'secevent+jwt',
    'email-verification+jwt',
    '',
    'jwt ',
    'text/jwt',
    7,
    null,
  ])('rejects the type %j', async (typ) => {
    expect(await rejection(verifyToken(await signClaims(key, usual, { typ })))).toMatch(/"typ"/);
  });

  it('accepts a subject of 255 characters outside of the Basic Multilingual Plane', async () => {
    expect(await verifyClaims({ sub: '\u{1d4d0}'.repeat(255) })).toMatchObject({
      id: '\u{1d4d0}'.repeat(255),
    });
  });

  it.each([{ use: 'enc' }, { key_ops: ['encrypt'] }, { use: 'enc', kid: undefined }])(
    'rejects a signature by a published key with %j',
    async (purpose) => {
      const encryption = { ...key, publicJwk: { ...key.publicJwk, ...purpose } as typeof key.publicJwk };
      expect(await rejection(verifyToken(await signClaims(key, usual), encryption))).toMatch(/unknown key/);
    },
  );

  it('tolerates a clock difference of five seconds', async () => {
    const [earlier, later] = [startedAtSeconds - 4, startedAtSeconds + 4];
    expect(await verifyClaims({ exp: earlier, nbf: later, auth_time: later + 1 })).toMatchObject({ id });
  });

  it('rejects a token signed with the public key as a shared secret', async () => {
    const rsa = await makeSigningKey('RS256');
    const publicKey = (await importJWK(rsa.publicJwk, 'RS256', { extractable: true })) as CryptoKey;
    const forms = [await exportSPKI(publicKey), JSON.stringify(rsa.publicJwk), rsa.publicJwk.n as string];
    for (const secret of forms) {
      const forged = await new SignJWT(usual)
        .setProtectedHeader({ alg: 'HS256', kid: rsa.kid })
        .sign(new TextEncoder().encode(secret));
      expect(await rejection(verifyToken(forged, rsa))).toMatch(/asymmetric/);
    }
  });

  it.each(['none', 'None', 'NONE', 'nOnE', 'HS256', 'toString', ''])('rejects alg "%s"', async (alg) => {
    const payload = base64url.encode(JSON.stringify(usual));
    const header = base64url.encode(JSON.stringify({ alg, kid: key.kid }));
    expect(await rejection(verifyToken(`${header}.${payload}.`))).toMatch(/not a Bearer token/);
    expect(await rejection(verifyToken(`${header}.${payload}.AAAA`))).toMatch(/asymmetric|malformed/);
  });

  it('rejects a token signed with a key from its own header', async () => {
    const own = await makeSigningKey();
    const forged = await new SignJWT(usual)
      .setProtectedHeader({ alg: 'ES256', kid: own.kid, jwk: own.publicJwk, jku: 'https://evil.test/keys' })
      .sign(own.privateKey);
    expect(await rejection(verifyToken(forged))).toMatch(/signed with an unknown key/);
    const claimingKnownKey = await signClaims({ ...own, kid: key.kid }, usual);
    expect(await rejection(verifyToken(claimingKnownKey))).toMatch(/signature/);
  });

  it('rejects an e-mail verification token', async () => {
    const claims = { tokenId: 't', userId: id, emailDigest: 'd', expiresAt: new Date(startedAt + 60_000) };
    const token = await signEmailVerificationToken(randomBytes(32), claims);
    expect(await rejection(verifyToken(token))).toMatch(/asymmetric/);
  });

  it('rejects a token with any byte changed, without quoting it', async () => {
    const token = await signClaims(key, { ...usual, secret: 'do-not-repeat' });
    const verifier = verifierOf();
    await verifier.verify(`Bearer ${token}`);
    for (let at = 0; at < token.length - 1; at += 3) {
      const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      const message = await rejection(verifier.verify(`Bearer ${changed}`));
      expect(message).not.toMatch(/do-not-repeat|ey[A-Z]|auth\.test|0195a3c4/);
    }
  });

  it('rejects a cached token after it expires', async () => {
    const verifier = verifierOf();
    const header = `Bearer ${await signClaims(key, usual)}`;
    const first = await verifier.verify(header);
    expect(await verifier.verify(header)).toBe(first);
    nowMs += 59_000;
    expect(await verifier.verify(header)).toBe(first);
    nowMs += 7_000;
    expect(await rejection(verifier.verify(header))).toMatch(/expired/);
  });

  it('throws KeysUnavailableError for an unusable published key', async () => {
    const weakPair = generateKeyPairSync('rsa', { modulusLength: 1_024 });
    const weak = { ...weakPair.publicKey.export({ format: 'jwk' }), kid: key.kid, alg: 'RS256' };
    const broken = { ...key.publicJwk, x: undefined };
    const isPrivate = { ...(await exportJWK(key.privateKey)), kid: key.kid };
    for (const publicJwk of [weak, broken, isPrivate] as SigningKey['publicJwk'][]) {
      const header = base64url.encode(JSON.stringify({ alg: publicJwk.alg ?? 'ES256', kid: key.kid }));
      const token = `${header}.${base64url.encode(JSON.stringify(usual))}.AAAA`;
      await expect(verifyToken(token, { ...key, publicJwk })).rejects.toBeInstanceOf(KeysUnavailableError);
    }
  });
});
