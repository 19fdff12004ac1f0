import { createHmac } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';

/** What a confirmation token says: which request it answers, whose, for which address, and until when. */
export interface EmailVerificationClaims {
  readonly tokenId: string;
  readonly userId: string;
  /** From `digestEmail`: the token binds to the address without carrying it. */
  readonly emailDigest: string;
  /** To the second; what is finer is cut off. */
  readonly expiresAt: Date;
}

const signingAlgorithm = 'HS256';
/** Own type and audience, and a symmetric algorithm: neither kind of token ever passes for the other. */
const tokenType = 'email-verification+jwt';
const tokenAudience = 'user-service/email-verification';

/** Signs a confirmation token. The key is 32 random bytes or more; throws RangeError when it is shorter. */
export function signEmailVerificationToken(
  key: Uint8Array,
  claims: EmailVerificationClaims,
): Promise<string> {
  if (key.byteLength < 32)
    throw new RangeError('The key for e-mail verification tokens needs at least 32 bytes.');
  return new SignJWT({ email_digest: claims.emailDigest })
    .setProtectedHeader({ alg: signingAlgorithm, typ: tokenType })
    .setJti(claims.tokenId)
    .setSubject(claims.userId)
    .setAudience(tokenAudience)
    .setExpirationTime(Math.floor(claims.expiresAt.getTime() / 1_000))
    .sign(key);
}

/**
 * Answers what a confirmation token says, or null when it is not one of ours, was changed, or has expired. It
 * does not tell whether the token was used already: that is the caller's row.
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

/**
 * Answers a keyed digest (HMAC-SHA256, base64url) of a normalised address, not to be guessed without the key.
 */
export function digestEmail(key: Uint8Array, normalisedEmail: string): string {
  // The prefix keeps digests and token signatures, which share the key, apart.
  return createHmac('sha256', key).update('email-digest\0').update(normalisedEmail).digest('base64url');
}
