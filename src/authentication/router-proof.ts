import { hash, timingSafeEqual } from 'node:crypto';

/** Answers whether a `Router-Authorization` header carries one of the router's secrets. */
export type RouterProof = (header: string | undefined) => boolean;

/**
 * Makes the check of the router's proof against every secret in force (several while one is being replaced).
 * It takes the same time whichever fits and however long they are. Without secrets no proof is asked for:
 * every header passes, and so does none.
 */
export function createRouterProof(secrets: readonly string[]): RouterProof {
  if (secrets.length === 0) return () => true;
  // Digests have one length, so timingSafeEqual neither throws nor tells how long a secret is.
  const expected = secrets.map((secret) => digest(Buffer.from(secret)));
  return (header) => {
    if (!header) return false;
    // Node hands header bytes over as latin1; a secret outside ASCII was sent as UTF-8.
    const presented = digest(Buffer.from(header, 'latin1'));
    let proven = false;
    for (const secret of expected) proven = timingSafeEqual(secret, presented) || proven;
    return proven;
  };
}

function digest(bytes: Buffer): Buffer {
  return hash('sha256', bytes, 'buffer');
}
