import { createHash } from 'node:crypto';

const unstorable = /[\u0000\p{Surrogate}]/gu;
const longestText = 1_000;
/** An index of two such keys holds no longer ones. */
const longestKeyBytes = 1_000;

/** True if PostgreSQL can store the text: no NUL, no unpaired surrogate. */
export function isStorable(text: string): boolean {
  return text.search(unstorable) === -1;
}

/** Returns the first 1,000 UTF-16 units of a text (or `longest`), with NUL and unpaired surrogates replaced. */
export function storable(text: string, longest = longestText): string {
  return text.slice(0, longest).replace(unstorable, '\uFFFD');
}

/** Returns the text if it can be stored as the key of a row, else a digest: different texts have different keys. */
export function storableKey(text: string): string {
  if (Buffer.byteLength(text) <= longestKeyBytes && isStorable(text)) return text;
  return `sha256:${createHash('sha256').update(JSON.stringify(text)).digest('base64url')}`;
}
