import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { type ProgrammableServer, startProgrammableServer } from './programmable-server';

export interface SigningKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function makeSigningKey(alg = 'ES256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const kid = randomUUID();
  return { alg, kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** Claims as a test wants them, wrong ones included; `undefined` leaves one out. */
export type Claims = Readonly<Record<string, unknown>>;

/** Signs what it is given, adding nothing but the header. */
export function signClaims({ alg, kid, privateKey }: SigningKey, claims: Claims): Promise<string> {
  return new SignJWT({ ...claims }).setProtectedHeader({ alg, kid }).sign(privateKey);
}

/** A neighbour that publishes keys and signs access tokens with the newest of them. */
export interface JwksServer {
  /** What AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE are to be. */
  readonly jwksUrl: URL;
  readonly issuer: string;
  readonly audience: string;
  readonly server: ProgrammableServer;
  /** A valid token of this subject; claims given replace the usual ones, `undefined` leaves one out. */
  issueToken(sub: string, scope?: string, claims?: Claims): Promise<string>;
  /** Signs with a new key from now on; the old one stays published unless told otherwise. */
  rotate(options?: { withdrawOld: boolean }): Promise<void>;
}

export async function startJwksServer(alg = 'ES256'): Promise<JwksServer> {
  let keys = [await makeSigningKey(alg)];
  const server = await startProgrammableServer(() => ({
    status: 200,
    body: { keys: keys.map(({ publicJwk }) => publicJwk) },
  }));
  const issuer = new URL('issuer', server.url).href;
  const audience = 'user-service-test';
  return {
    jwksUrl: new URL('.well-known/jwks.json', server.url),
    issuer,
    audience,
    server,
    issueToken(sub, scope = '', claims = {}) {
      const now = Math.floor(Date.now() / 1_000);
      const usual = { iss: issuer, aud: audience, sub, scope, iat: now, exp: now + 3_600, auth_time: now };
      return signClaims(keys.at(-1) as SigningKey, { ...usual, ...claims });
    },
    async rotate({ withdrawOld } = { withdrawOld: false }) {
      const next = await makeSigningKey(alg);
      keys = withdrawOld ? [next] : [...keys, next];
    },
  };
}
