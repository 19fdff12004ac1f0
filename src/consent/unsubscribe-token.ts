import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import type { NumberedKey } from '../users/signing-keys';
import { type EmailTopic, emailTopics } from '../users/user.entity';

/** The claims of an unsubscribe link: the user, and the topic to turn off. */
export interface UnsubscribeClaims {
  readonly userId: string;
  readonly topic: EmailTopic;
}

const signingAlgorithm = 'HS256';
/** Own type and audience, so that access tokens and the service's other tokens are refused here. */
const tokenType = 'unsubscribe+jwt';
const tokenAudience = 'user-service/unsubscribe';

/** Returns a signed token. It does not expire, because mails are read late. Equal claims give equal tokens. */
export function signUnsubscribeToken(
  { generation, key }: NumberedKey,
  { userId, topic }: UnsubscribeClaims,
): Promise<string> {
  return new SignJWT({ topic })
    .setProtectedHeader({ alg: signingAlgorithm, typ: tokenType, kid: String(generation) })
    .setSubject(userId)
    .setAudience(tokenAudience)
    .sign(key);
}

/**
 * Returns the claims of a token, or null if it is malformed or forged.
 *
 * @param findKey returns the key of a generation, or null if there is none
 */
export async function verifyUnsubscribeToken(
  token: string,
  findKey: (generation: number) => Promise<Uint8Array | null>,
): Promise<UnsubscribeClaims | null> {
  const generation = generationOf(token);
  const key = generation === null ? null : await findKey(generation);
  if (!key) return null;
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [signingAlgorithm],
      typ: tokenType,
      audience: tokenAudience,
      requiredClaims: ['sub'],
    });
    const topic = emailTopics.find((it) => it === payload['topic']);
    return topic && payload.sub ? { userId: payload.sub, topic } : null;
  } catch {
    return null;
  }
}

function generationOf(token: string): number | null {
  try {
    const { alg, typ, kid } = decodeProtectedHeader(token);
    return alg === signingAlgorithm && typ === tokenType && /^[1-9]\d{0,8}$/.test(kid ?? '')
      ? Number(kid)
      : null;
  } catch {
    return null;
  }
}
