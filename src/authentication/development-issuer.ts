import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';

const developmentIssuer = 'http://user-service.localhost/development';
const developmentAudience = 'user-service';

const algorithm = 'ES256';
const fileName = 'development-issuer.json';

export interface DevelopmentTokenRequest {
  readonly sub: string;
  /** Space-separated; none unless told. */
  readonly scope?: string;
  /** One hour unless told. */
  readonly expiresInSeconds?: number;
  /** Now unless told: whoever asks for a token has just shown up. */
  readonly authTime?: Date;
}

/** Stands in for the AuthenticationService on a developer's machine. */
export interface DevelopmentIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly publicKey: JWK;
  readonly issueToken: (request: DevelopmentTokenRequest) => Promise<string>;
}

/**
 * Opens the development issuer whose private key is kept in the data directory, making both when they are not
 * there. Server and command line that start together get the same key. Throws when the file cannot be read as
 * a key. Never for production: whoever reads that file can be anybody.
 */
export async function openDevelopmentIssuer(dataDirectory: string): Promise<DevelopmentIssuer> {
  const path = join(dataDirectory, fileName);
  const jwk = (await readKey(path)) ?? (await createKey(dataDirectory, path));
  const { d: _, ...publicKey } = jwk;
  const privateKey = await importJWK(jwk, algorithm);
  return {
    issuer: developmentIssuer,
    audience: developmentAudience,
    publicKey,
    issueToken({ sub, scope = '', expiresInSeconds = 3_600, authTime = new Date() }) {
      const nowSeconds = Math.floor(Date.now() / 1_000);
      return new SignJWT({ scope, auth_time: Math.floor(authTime.getTime() / 1_000) })
        .setProtectedHeader({ alg: algorithm, kid: jwk.kid as string, typ: 'at+jwt' })
        .setIssuer(developmentIssuer)
        .setAudience(developmentAudience)
        .setSubject(sub)
        .setJti(randomUUID())
        .setIssuedAt(nowSeconds)
        .setExpirationTime(nowSeconds + expiresInSeconds)
        .sign(privateKey);
    },
  };
}

async function readKey(path: string): Promise<JWK | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
  try {
    const jwk = JSON.parse(text) as JWK;
    if (jwk.kty !== 'EC' || typeof jwk.d !== 'string' || typeof jwk.kid !== 'string') throw new TypeError();
    await importJWK(jwk, algorithm);
    return jwk;
  } catch {
    // Not the parser's message: it quotes the text, which may be most of a private key.
    throw new Error(`${path} does not hold a development key. Delete it, and a new one is made.`);
  }
}

async function createKey(dataDirectory: string, path: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk: JWK = { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: algorithm, use: 'sig' };
  await mkdir(dataDirectory, { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(jwk)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    // A link, unlike a rename, fails when the other process was first; then its key is everybody's.
    await link(draft, path);
    return jwk;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    const first = await readKey(path);
    if (!first) throw error;
    return first;
  } finally {
    await rm(draft, { force: true });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === code;
}
