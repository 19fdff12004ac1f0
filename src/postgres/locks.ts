import type { Transaction } from './database';

/**
 * The keys of all advisory locks that this service takes. Never change one: replicas of two versions, which run
 * together during a rolling restart, would no longer exclude each other.
 */
export const lockKeys = {
  migration: 7_305_808_869,
  retention: 7_305_808_872,
  auditSealer: 1_635_083_369,
  /** The first of two keys; the second is the lane. */
  relayLane: 1_869_968_482,
  /** The first of two keys; the second is a hash of the id. */
  userId: 1_970_496_882,
};

/**
 * Takes a lock until the end of the transaction, without waiting. Returns false if another transaction holds it.
 * PostgreSQL frees the lock of a hanging process with its transaction (`idle_in_transaction_session_timeout`).
 */
export async function tryLock(tx: Pick<Transaction, 'manager'>, key: number): Promise<boolean> {
  const [row]: { locked: boolean }[] = await tx.manager.query(
    'SELECT pg_try_advisory_xact_lock($1::bigint) AS locked',
    [key],
  );
  return row?.locked === true;
}

/** Takes a lock until the end of the transaction. Waits at most for the timeout of a lock. */
export async function waitForLock(tx: Pick<Transaction, 'manager'>, key: number): Promise<void> {
  await tx.manager.query('SELECT pg_advisory_xact_lock($1::bigint)', [key]);
}

/** As `tryLock`, for several locks under one key. Returns the parts that this transaction holds now. */
export async function tryLockParts(
  tx: Transaction,
  key: number,
  parts: readonly number[],
): Promise<number[]> {
  const rows: { part: number }[] = await tx.manager.query(
    'SELECT part FROM unnest($2::integer[]) AS part WHERE pg_try_advisory_xact_lock($1, part)',
    [key, parts],
  );
  return rows.map(({ part }) => part);
}
