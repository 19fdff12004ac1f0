import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import type { NumberedKey } from '../users/signing-keys';
import { type EmailTopic, emailTopics } from '../users/user.entity';

/** What an unsubscribe link says: who is to get no more e-mail, and about what. */
export interface UnsubscribeClaims {
  readonly userId: string;
  readonly topic: EmailTopic;
}

const signingAlgorithm = 'HS256';
/** Own type and audience: no other token of this service, and no access token, passes for one of these. */
const tokenType = 'unsubscribe+jwt';
const tokenAudience = 'user-service/unsubscribe';

/** Signs what a link says. It does not expire, as mails are read late; the same claims give the same text. */
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
 * Answers what a link says, or null when it is not one of ours or was changed.
 *
 * @param findKey the key of a generation, or null when there is none
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
