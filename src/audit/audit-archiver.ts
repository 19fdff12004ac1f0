import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import type { Database, Transaction } from '../postgres/database';
import { lockKeys, waitForLock } from '../postgres/locks';
import {
  type ArchiveContents,
  type ArchiveHeader,
  archiveLineOf,
  checkArchive,
  fileDigestOf,
  readArchive,
  type StoredSeal,
} from './archive-file';
import { checkReplaceable, replaceFile } from './archive-replacement';
import { AuditArchive } from './audit-archive.entity';
import { genesisHash, type SealedEntry, sealColumns, sealedEntryColumns } from './audit-chain';

/** A seal has up to 1,000 entries, so a batch reads up to 5,000. */
const sealsPerBatch = 5;
const entriesPerDelete = 1_000;

/** What one call of `archive` moved. */
export interface Archived {
  readonly entries: number;
  /** Seals that were removed from the database. */
  readonly seals: number;
  /** The SHA-256 of the file in hexadecimal digits; null if there was nothing to archive, then there is no file. */
  readonly digest: string | null;
}

/** Thrown if the role neither owns the tables of the audit trail nor is a member of their owner. */
export class NotOwnerError extends Error {
  override readonly name = 'NotOwnerError';
}

/**
 * Thrown if the written file does not match the chain of seals, or if the database changed after it was written. The
 * call removed nothing.
 */
export class ArchiveMismatchError extends Error {
  override readonly name = 'ArchiveMismatchError';
}

export interface ArchiveOptions {
  /** Sealed entries before this time are archived. */
  readonly cutAt: Date;
  readonly path: string;
  /** Called after each seal with the number of its entries that were written to the file. */
  readonly onEntries?: (count: number) => void;
}

type Checkpoint = Pick<AuditArchive, 'number' | 'lastSeal' | 'lastHash'>;

interface Removal {
  readonly header: ArchiveHeader;
  readonly contents: ArchiveContents;
  readonly ids: readonly string[];
  readonly fileDigest: Buffer;
  readonly partial: string;
  readonly path: string;
}

/** Moves sealed entries from the database to a file. */
export class AuditArchiver {
  constructor(private readonly database: Database) {}

  /**
   * Writes sealed entries to a file, verifies the file, and deletes the entries from the database in one transaction.
   * Writes to `PATH.UUID.partial`, which is moved to the path before the commit. A call that is killed earlier deletes
   * nothing and may leave either file. It can be repeated with the same path.
   *
   * @throws NotOwnerError, ArchiveExistsError, ArchiveMismatchError
   */
  async archive({ cutAt, path, onEntries }: ArchiveOptions): Promise<Archived> {
    await this.checkOwner();
    const previous = await this.findLast();
    // Checked after the checkpoint is read: `remove` finds a newer checkpoint if another call replaces the file later.
    await checkReplaceable(path, (fileDigest) => this.hasCheckpoint(fileDigest));
    const header: ArchiveHeader = {
      type: 'user-service audit archive',
      version: 1,
      number: numberAfter(previous),
      cutAt: cutAt.toISOString(),
      previousSeal: previous?.lastSeal ?? '0',
      previousHash: (previous?.lastHash ?? genesisHash).toString('hex'),
    };
    // The UUID keeps concurrent calls with the same path from writing to one file.
    const partial = `${path}.${randomUUID()}.partial`;
    try {
      const archivedEarlier = await this.archivedEntryIds();
      const ids = await this.write(partial, header, archivedEarlier, onEntries);
      if (ids.length === 0) return { entries: 0, seals: 0, digest: null };
      const contents = await this.verify(partial, archivedEarlier, ids);
      const fileDigest = await fileDigestOf(partial);
      const seals = await this.remove({ header, contents, ids, fileDigest, partial, path });
      return { entries: ids.length, seals, digest: fileDigest.toString('hex') };
    } finally {
      await rm(partial, { force: true });
    }
  }

  private async hasCheckpoint(fileDigest: Buffer): Promise<boolean> {
    const rows = await this.database.query('SELECT FROM audit_archives WHERE file_digest = $1', [fileDigest]);
    return rows.length > 0;
  }

  private async checkOwner(): Promise<void> {
    const [row] = await this.database.query<{ owned: boolean }>(
      `SELECT bool_and(pg_has_role(current_user, relowner, 'MEMBER')) AS owned FROM pg_class
       WHERE oid IN ('audit_entries'::regclass, 'audit_seals'::regclass, 'audit_archives'::regclass)`,
    );
    if (row?.owned !== true) throw new NotOwnerError('the role does not own the tables of the audit trail');
  }

  private async findLast(tx?: Transaction): Promise<Checkpoint | undefined> {
    // `audit_archives.number`, because `number` is the text column, which sorts 10 before 9.
    const sql = `SELECT number::text, last_seal::text AS "lastSeal", last_hash AS "lastHash" FROM audit_archives
       ORDER BY audit_archives.number DESC LIMIT 1`;
    const [last]: Checkpoint[] = tx ? await tx.manager.query(sql) : await this.database.query(sql);
    return last;
  }

  /** Returns the ids of entries that earlier archives removed without their seals. */
  private async archivedEntryIds(): Promise<Set<string>> {
    const rows = await this.database.query<{ id: string }>(
      'SELECT unnest(entry_ids) AS id FROM audit_archives',
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Writes the file and flushes it to the disk. Returns the ids of its entries. */
  private async write(
    path: string,
    header: ArchiveHeader,
    archivedEarlier: ReadonlySet<string>,
    onEntries: ArchiveOptions['onEntries'],
  ): Promise<string[]> {
    const file = await open(path, 'w', 0o600);
    const written: string[] = [];
    // True until a seal has entries that stay. That seal and all later ones stay, so that the chain has no gap.
    let removing = true;
    try {
      await file.write(archiveLineOf({ header }));
      // Reads all seals: entries are not in order of time, so a later seal may have older ones.
      for (let after = header.previousSeal; ; ) {
        const seals = await this.sealsAfter(after);
        const entries = await this.entriesBefore(header.cutAt, seals);
        for (const seal of seals) {
          const old = seal.entryIds.flatMap((id) => entries.get(id) ?? []);
          removing &&= seal.entryIds.every((id) => entries.has(id) || archivedEarlier.has(id));
          if (old.length === 0 && !removing) continue;
          const lines = [{ seal, removed: removing }, ...old.map((entry) => ({ entry }))];
          await file.write(lines.map(archiveLineOf).join(''));
          for (const { id } of old) written.push(id);
          onEntries?.(old.length);
        }
        const last = seals.at(-1);
        if (!last) break;
        after = last.number;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    return written;
  }

  /** Reads the file and returns its contents. Throws unless they match the chain and are exactly these entries. */
  private async verify(
    path: string,
    archivedEarlier: ReadonlySet<string>,
    ids: readonly string[],
  ): Promise<ArchiveContents> {
    const found = new Set<string>();
    const contents = await checkArchive(readArchive(path), archivedEarlier, ({ id }) => found.add(id));
    if (contents.broken.size > 0 || found.size !== ids.length || ids.some((id) => !found.has(id)))
      throw new ArchiveMismatchError(
        `the archive does not match the chain: ${[...contents.broken].slice(0, 10).join(', ') || 'entries are missing'}`,
      );
    return contents;
  }

  private sealsAfter(number: string): Promise<StoredSeal[]> {
    return this.database.query<StoredSeal>(
      // `audit_seals.number`, for the reason in `findLast`.
      `SELECT ${sealColumns} FROM audit_seals WHERE audit_seals.number > $1 ORDER BY audit_seals.number LIMIT $2`,
      [number, sealsPerBatch],
    );
  }

  private async entriesBefore(
    cutAt: string,
    seals: readonly StoredSeal[],
  ): Promise<Map<string, SealedEntry>> {
    const rows = await this.database.query<SealedEntry>(
      `SELECT ${sealedEntryColumns} FROM audit_entries WHERE id = ANY ($1::uuid[]) AND at < $2`,
      [seals.flatMap(({ entryIds }) => entryIds), cutAt],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  /**
   * Inserts the checkpoint, a row of `audit_archives`, and deletes the entries of the file and its seals that do not
   * stay, in one transaction. Moves the file to its path before the commit. Returns the number of deleted seals.
   */
  private remove({ header, contents, ids, fileDigest, partial, path }: Removal): Promise<number> {
    const removed = contents.seals.filter((seal) => seal.removed);
    const last = removed.at(-1);
    return this.database.transaction(async (tx) => {
      // Excludes the sealer, which links its next seal to the last one or to the last checkpoint, and other archives.
      await waitForLock(tx, lockKeys.auditSealer);
      if (numberAfter(await this.findLast(tx)) !== header.number)
        throw new ArchiveMismatchError('another call archived entries after this one started');
      // The triggers of the audit tables allow deletions only with this setting and for the owner.
      await tx.manager.query(`SELECT set_config('user_service.archiving', 'on', true)`);
      await tx.insert(AuditArchive, {
        number: header.number,
        cutAt: new Date(header.cutAt),
        lastSeal: last?.number ?? header.previousSeal,
        lastHash: last?.hash ?? Buffer.from(header.previousHash, 'hex'),
        entryIds: [...contents.entryIdsOfStayingSeals],
        entryCount: ids.length,
        fileDigest,
        archivedAt: new Date(),
      });
      let deleted = 0;
      for (let from = 0; from < ids.length; from += entriesPerDelete)
        deleted += await countDeleted(tx, 'DELETE FROM audit_entries WHERE id = ANY ($1::uuid[])', [
          ids.slice(from, from + entriesPerDelete),
        ]);
      const seals = last
        ? await countDeleted(tx, 'DELETE FROM audit_seals WHERE number <= $1', [last.number])
        : 0;
      if (deleted !== ids.length || seals !== removed.length)
        throw new ArchiveMismatchError('the database no longer has all entries and seals of the archive');
      await replaceFile(partial, path);
      return seals;
    });
  }
}

/** Returns the number of the archive after this one. */
function numberAfter(last: Checkpoint | undefined): string {
  return String(BigInt(last?.number ?? 0) + 1n);
}

async function countDeleted(tx: Transaction, sql: string, parameters: unknown[]): Promise<number> {
  const [, count]: [unknown, number] = await tx.manager.query(sql, parameters);
  return count;
}
