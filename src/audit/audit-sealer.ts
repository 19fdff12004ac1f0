import type { Logger } from 'pino';
import { noUser } from '../outbox/cloud-event';
import type { Outbox } from '../outbox/outbox';
import { type Backlog, readBacklog } from '../postgres/backlog';
import type { Database, Transaction } from '../postgres/database';
import { lockKeys, tryLock } from '../postgres/locks';
import { newId } from '../postgres/new-id';
import {
  digestOf,
  digestVersion,
  genesisHash,
  hashOf,
  type SealedEntry,
  sealedEntryColumns,
} from './audit-chain';
import { AuditSeal } from './audit-seal.entity';

/** The most entries of one seal. */
export const largestSeal = 1_000;

/**
 * Selects the oldest queued entries, at most `$1`, in order of position. Ids are UUIDv7, so reading the primary key
 * needs no sort of the queue.
 */
export const oldestUnsealed = `
  SELECT ${sealedEntryColumns}
  FROM (SELECT entry_id FROM audit_unsealed ORDER BY entry_id LIMIT $1) AS oldest JOIN audit_entries ON id = entry_id
  ORDER BY audit_entries.position`;

export interface AuditSealerOptions {
  database: Database;
  outbox: Outbox;
  log: Logger;
}

/** Adds committed audit entries to the chain in batches. One replica seals at a time. */
export class AuditSealer {
  constructor(private readonly options: AuditSealerOptions) {}

  /** Seals batches until a batch is not full, or until `signal` is aborted; then it finishes the current batch. */
  async sealAll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.sealNext()) === largestSeal);
  }

  /** Seals one batch and returns its number of entries: 0 if none are queued, or if another replica is sealing. */
  async sealNext(): Promise<number> {
    return this.options.database.transaction(async (tx) => {
      if (!(await tryLock(tx, lockKeys.auditSealer))) return 0;
      // Reads the queue instead of continuing after a position: an entry with a lower position may commit later.
      const entries: SealedEntry[] = await tx.manager.query(oldestUnsealed, [largestSeal]);
      if (entries.length > 0) await this.seal(tx, entries);
      return entries.length;
    });
  }

  /** Returns the number of queued entries and the age of the oldest. */
  measure(): Promise<Backlog> {
    return readBacklog(this.options.database, {
      from: 'audit_unsealed',
      oldest: `(SELECT at FROM audit_entries WHERE id = (SELECT entry_id FROM audit_unsealed ORDER BY entry_id LIMIT 1))`,
    });
  }

  private async seal(tx: Transaction, entries: readonly SealedEntry[]): Promise<void> {
    const [last]: { number: string; hash: Buffer }[] = await tx.manager.query(
      // If an archive removed all seals, the chain continues from the last removed one. `last.number` instead of
      // `number`, which is the text column and sorts 10 before 9.
      `SELECT number::text, hash FROM (
         (SELECT number, hash FROM audit_seals ORDER BY number DESC LIMIT 1)
         UNION ALL (SELECT last_seal, last_hash FROM audit_archives ORDER BY number DESC LIMIT 1)
       ) AS last ORDER BY last.number DESC LIMIT 1`,
    );
    const sealedAt = new Date();
    const link = {
      number: String(BigInt(last?.number ?? 0) + 1n),
      entryIds: entries.map(({ id }) => id),
      entryDigests: Buffer.concat(entries.map((entry) => digestOf(entry, digestVersion))),
      previousHash: last?.hash ?? genesisHash,
    };
    const hash = hashOf({ ...link, sealedAtMicros: `${sealedAt.getTime()}000` });
    await tx.insert(AuditSeal, { ...link, hash, sealedAt, digestVersion });
    await tx.manager.query('DELETE FROM audit_unsealed WHERE entry_id = ANY ($1::uuid[])', [link.entryIds]);
    const head = { number: Number(link.number), hash: hash.toString('hex'), entries: entries.length };
    await this.options.outbox.append(tx, {
      id: newId(),
      userId: noUser,
      version: null,
      type: 'AuditSealed',
      data: { ...head, sealedAt: sealedAt.toISOString() },
      occurredAt: sealedAt,
      traceparent: null,
    });
    // A copy of the head outside the database reveals a chain that was recomputed from a changed entry.
    tx.afterCommit(() => this.options.log.info(head, 'audit entries sealed'));
  }
}
