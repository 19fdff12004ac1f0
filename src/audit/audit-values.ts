import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** Values before and after a change, by field name. */
export interface ChangedValues {
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

/** Returns nonce, ciphertext and tag. They decrypt only with this key and for this entry. */
export function encryptValues(key: Buffer, entryId: string, values: ChangedValues): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(entryId));
  const ciphertext = Buffer.concat([cipher.update(JSON.stringify(values)), cipher.final()]);
  return Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]);
}

/** @throws Error if the bytes were not encrypted with this key for this entry */
export function decryptValues(key: Buffer, entryId: string, bytes: Buffer): ChangedValues {
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(entryId));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  const text = Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
  return JSON.parse(text.toString()) as ChangedValues;
}

/** True if the bytes decrypt with this key for this entry. */
export function isReadable(key: Buffer, entryId: string, bytes: Buffer): boolean {
  try {
    decryptValues(key, entryId, bytes);
    return true;
  } catch {
    return false;
  }
}
