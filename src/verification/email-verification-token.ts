import { createHmac } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';

/** The claims of a confirmation token. */
export interface EmailVerificationClaims {
  readonly tokenId: string;
  readonly userId: string;
  /** From `digestEmail`, so that the token does not contain the address. */
  readonly emailDigest: string;
  /** Truncated to seconds. */
  readonly expiresAt: Date;
}

const signingAlgorithm = 'HS256';
/** Own type and audience and a symmetric algorithm, so that access tokens and these are never confused. */
const tokenType = 'email-verification+jwt';
const tokenAudience = 'user-service/email-verification';

/** Returns a signed confirmation token. Throws RangeError if the key has fewer than 32 bytes. */
export function signEmailVerificationToken(
  key: Uint8Array,
  claims: EmailVerificationClaims,
): Promise<string> {
  if (key.byteLength < 32)
    throw new RangeError('The key for e-mail verification tokens must have at least 32 bytes.');
  return new SignJWT({ email_digest: claims.emailDigest })
    .setProtectedHeader({ alg: signingAlgorithm, typ: tokenType })
    .setJti(claims.tokenId)
    .setSubject(claims.userId)
    .setAudience(tokenAudience)
    .setExpirationTime(Math.floor(claims.expiresAt.getTime() / 1_000))
    .sign(key);
}

/**
 * Returns the claims of a confirmation token, or null if it is invalid for any reason, such as expiry or forgery. The
 * caller must check that the token is unused and that the digest matches the address.
 */
export async function verifyEmailVerificationToken(
  key: Uint8Array,
  token: string,
  now: Date,
): Promise<EmailVerificationClaims | null> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [signingAlgorithm],
      typ: tokenType,
      audience: tokenAudience,
      requiredClaims: ['exp', 'jti', 'sub'],
      currentDate: now,
    });
    const { jti, sub, exp, email_digest: emailDigest } = payload;
    if (typeof jti !== 'string' || typeof sub !== 'string' || typeof emailDigest !== 'string') return null;
    return { tokenId: jti, userId: sub, emailDigest, expiresAt: new Date((exp as number) * 1_000) };
  } catch {
    return null;
  }
}

/** Returns a keyed digest (HMAC-SHA256, base64url) of a normalised address; it cannot be guessed without the key. */
export function digestEmail(key: Uint8Array, normalisedEmail: string): string {
  // Token signatures use the same key; the prefix makes sure that no digest is a signature.
  return createHmac('sha256', key).update('email-digest\0').update(normalisedEmail).digest('base64url');
}
