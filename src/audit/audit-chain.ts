import { createHash } from 'node:crypto';

/** The size of a SHA-256 digest. */
export const digestBytes = 32;

/** The previous hash of the first seal. */
export const genesisHash = Buffer.alloc(digestBytes);

/**
 * The version of new seals: their digests cover every column of an entry. Those of version 1 lack the columns of
 * accesses.
 */
export const digestVersion = 2;

/** An entry with every column, as its digest covers it. Times are microseconds since 1970, as text. */
export interface SealedEntry {
  readonly id: string;
  readonly position: string;
  readonly atMicros: string;
  readonly actorId: string | null;
  readonly userId: string | null;
  readonly action: string;
  readonly fields: readonly string[] | null;
  /** As PostgreSQL prints the array. */
  readonly userIds: string | null;
  /** As PostgreSQL prints the JSON. */
  readonly fieldGroups: string | null;
  readonly reason: string | null;
  readonly encryptedValues: Buffer | null;
}

/** The columns of a `SealedEntry` in SQL. */
export const sealedEntryColumns = `id, position::text, round(extract(epoch FROM at) * 1000000)::text AS "atMicros",
  actor_id AS "actorId", user_id AS "userId", action, fields, user_ids::text AS "userIds",
  field_groups::text AS "fieldGroups", reason, encrypted_values AS "encryptedValues"`;

/** A seal without its own hash. */
export interface Link {
  readonly number: string;
  readonly sealedAtMicros: string;
  readonly entryIds: readonly string[];
  readonly entryDigests: Buffer;
  readonly previousHash: Buffer;
}

/** The columns of a stored seal in SQL. */
export const sealColumns = `number::text, entry_ids AS "entryIds", entry_digests AS "entryDigests",
  digest_version AS "digestVersion", previous_hash AS "previousHash", hash,
  round(extract(epoch FROM sealed_at) * 1000000)::text AS "sealedAtMicros"`;

/**
 * Returns the SHA-256 of all columns of the entry that this version covers. It covers values as ciphertext, so that
 * deleting a key changes no digest.
 */
export function digestOf(entry: SealedEntry, version: number): Buffer {
  const { id, position, atMicros, actorId, userId, action, fields, reason, encryptedValues } = entry;
  const values = encryptedValues?.toString('base64') ?? null;
  const covered = [id, position, atMicros, actorId, userId, action, fields, reason, values];
  // Entries of version 1 had neither users nor groups, so one that has them was changed.
  if (version > 1 || entry.userIds !== null || entry.fieldGroups !== null)
    covered.push(String(version), entry.userIds, entry.fieldGroups);
  return createHash('sha256').update(JSON.stringify(covered)).digest();
}

/** Returns the SHA-256 of the previous seal's hash and all fields of this one. */
export function hashOf({ number, sealedAtMicros, entryIds, entryDigests, previousHash }: Link): Buffer {
  return createHash('sha256')
    .update(previousHash)
    .update(JSON.stringify([number, sealedAtMicros, entryIds]))
    .update(entryDigests)
    .digest();
}
