import { randomUUID } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';

const developmentIssuer = 'http://user-service.localhost/development';
const developmentAudience = 'user-service';

const algorithm = 'ES256';
const fileName = 'development-issuer.json';

export interface DevelopmentTokenRequest {
  readonly sub: string;
  /** Space-separated; defaults to none. */
  readonly scope?: string;
  /** Defaults to one hour. */
  readonly expiresInSeconds?: number;
  /** Time of the last sign-in; defaults to now. */
  readonly authTime?: Date;
  /** The verified address of the person; defaults to none. */
  readonly verifiedEmail?: string;
}

/** Issues access tokens in place of the AuthenticationService, on a developer's machine. */
export interface DevelopmentIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly publicKey: JWK;
  readonly issueToken: (request: DevelopmentTokenRequest) => Promise<string>;
}

/**
 * Returns the development issuer whose private key is stored in the data directory; creates both if missing.
 * Processes that start concurrently get the same key. Throws if the file cannot be read or contains no key.
 * Not for production: with that file, a process can impersonate any user.
 */
export async function openDevelopmentIssuer(dataDirectory: string): Promise<DevelopmentIssuer> {
  const path = join(dataDirectory, fileName);
  await makePrivate(dataDirectory);
  const jwk = (await readKey(path)) ?? (await createKey(path));
  const { d: _, ...publicKey } = jwk;
  const privateKey = await importJWK(jwk, algorithm);
  return {
    issuer: developmentIssuer,
    audience: developmentAudience,
    publicKey,
    issueToken({ sub, scope = '', expiresInSeconds = 3_600, authTime = new Date(), verifiedEmail: email }) {
      const nowSeconds = Math.floor(Date.now() / 1_000);
      return new SignJWT({
        scope,
        auth_time: Math.floor(authTime.getTime() / 1_000),
        ...(email !== undefined && { email, email_verified: true }),
      })
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

/** Creates the directory if it is missing. Only the user of this process may read it. */
async function makePrivate(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
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
    // Without the parser's message, which quotes the text, possibly a private key.
    throw new Error(`${path} does not contain a development key. Delete it to create a new one.`);
  }
}

async function createKey(path: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk: JWK = { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: algorithm, use: 'sig' };
  const draft = `${path}.${randomUUID()}`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(jwk)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    // Unlike a rename, a link fails if another process created the key first; that key is used then.
    await link(draft, path);
    return jwk;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    const existing = await readKey(path);
    if (!existing) throw error;
    return existing;
  } finally {
    await rm(draft, { force: true });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === code;
}
