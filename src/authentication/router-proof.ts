import { hash, timingSafeEqual } from 'node:crypto';

/** Returns whether a `Router-Authorization` header is one of the router's secrets. */
export type RouterProof = (header: string | undefined) => boolean;

/**
 * Returns the check of the router's proof against all secrets (several during a rotation). Its duration depends
 * neither on the length of the secrets nor on which one matches. Without secrets, every request passes.
 */
export function createRouterProof(secrets: readonly string[]): RouterProof {
  if (secrets.length === 0) return () => true;
  // Digests have equal lengths, so timingSafeEqual neither throws nor leaks the length of a secret.
  const expected = secrets.map((secret) => digest(Buffer.from(secret)));
  return (header) => {
    if (!header) return false;
    // Node.js decodes header bytes as latin1; a non-ASCII secret is sent as UTF-8.
    const presented = digest(Buffer.from(header, 'latin1'));
    let proven = false;
    for (const secret of expected) proven = timingSafeEqual(secret, presented) || proven;
    return proven;
  };
}

function digest(bytes: Buffer): Buffer {
  return hash('sha256', bytes, 'buffer');
}
