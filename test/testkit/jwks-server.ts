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

/** The claims of a token, valid or not. `undefined` omits one. */
export type Claims = Readonly<Record<string, unknown>>;

/** Signs exactly these claims. `header` adds to the protected header, which has `alg` and `kid`. */
export function signClaims(
  { alg, kid, privateKey }: SigningKey,
  claims: Claims,
  header: Claims = {},
): Promise<string> {
  return new SignJWT({ ...claims }).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
}

/** An issuer that publishes its keys and signs access tokens with the newest. */
export interface JwksServer {
  /** With `issuer` and `audience`, the values of AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE. */
  readonly jwksUrl: URL;
  readonly issuer: string;
  readonly audience: string;
  readonly server: ProgrammableServer;
  /** Returns a token of this subject, valid by default. `claims` override the usual ones. */
  issueToken(sub: string, scope?: string, claims?: Claims): Promise<string>;
  /** Adds a new signing key. The old one stays published by default. */
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
