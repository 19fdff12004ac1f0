import type { Transaction } from '../postgres/database';
import { newId } from '../postgres/new-id';

/** Tries that a code allows. */
const maxTries = 5;
/** Codes that a user gets in 24 hours, for all numbers together. */
const codesPerDay = 10;

/** A code to store. */
export interface NewCode {
  readonly userId: string;
  readonly phoneDigest: string;
  readonly codeDigest: string;
}

/** Returns whether the user got a code for this number within a minute, or ten codes in 24 hours. */
export async function isRateLimited(tx: Transaction, userId: string, phoneDigest: string): Promise<boolean> {
  const [sent]: { today: number; fresh: boolean }[] = await tx.manager.query(
    `SELECT count(*)::int AS today, coalesce(bool_or(phone_digest = $2
       AND issued_at > clock_timestamp() - interval '1 minute'), false) AS fresh
     FROM phone_verification_codes WHERE user_id = $1 AND issued_at > clock_timestamp() - interval '24 hours'`,
    [userId, phoneDigest],
  );
  return sent !== undefined && (sent.fresh || sent.today >= codesPerDay);
}

/** Stores a code that expires after 10 minutes; returns its times by PostgreSQL's clock, which all replicas share. */
export async function storeCode(
  tx: Transaction,
  code: NewCode,
): Promise<{ issuedAt: Date; expiresAt: Date }> {
  const [stored]: { issuedAt: Date; expiresAt: Date }[] = await tx.manager.query(
    `INSERT INTO phone_verification_codes (id, user_id, phone_digest, code_digest, issued_at, expires_at)
     SELECT $1, $2, $3, $4, now, now + interval '10 minutes' FROM clock_timestamp() AS now
     RETURNING issued_at AS "issuedAt", expires_at AS "expiresAt"`,
    [newId(), code.userId, code.phoneDigest, code.codeDigest],
  );
  if (!stored) throw new Error('PostgreSQL returned no code');
  return stored;
}

/**
 * Counts a try of the latest code for this number and returns the code's id and digest; null if the code is used,
 * expired or out of tries.
 */
export async function takeTry(
  tx: Transaction,
  userId: string,
  phoneDigest: string,
): Promise<{ id: string; codeDigest: string } | null> {
  const [[code]]: [{ id: string; codeDigest: string }[], number] = await tx.manager.query(
    `UPDATE phone_verification_codes SET tries = tries + 1
     WHERE id = (SELECT id FROM phone_verification_codes WHERE user_id = $1 AND phone_digest = $2
                 ORDER BY issued_at DESC LIMIT 1)
       AND used_at IS NULL AND expires_at > clock_timestamp() AND tries < ${maxTries}
     RETURNING id, code_digest AS "codeDigest"`,
    [userId, phoneDigest],
  );
  return code ?? null;
}

/** Makes the code unusable. */
export async function markUsed(tx: Transaction, id: string): Promise<void> {
  await tx.manager.query('UPDATE phone_verification_codes SET used_at = clock_timestamp() WHERE id = $1', [
    id,
  ]);
}
