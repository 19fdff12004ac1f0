import { type ArchiveContents, checkArchive, fileDigestOf, readArchive } from './archive-file';
import type { SealedEntry } from './audit-chain';
import { isReadable } from './audit-values';
import type { Query, VerificationResult } from './audit-verification';

const entriesPerBatch = 1_000;

interface Checkpoint {
  readonly number: string;
  readonly lastSeal: string;
  readonly lastHash: Buffer;
  readonly entryIds: readonly string[];
  readonly entryCount: number;
}

/** Verifies an archive: its seals and entries, its checkpoint, and its link to the seals before and after it. */
export class ArchiveVerification {
  private readonly broken = new Set<string>();
  private readonly withoutKey = new Set<string>();
  private readonly erased = new Set<string>();

  constructor(private readonly query: Query) {}

  async run(path: string): Promise<VerificationResult> {
    const digest = await fileDigestOf(path);
    const [checkpoint] = await this.query<Checkpoint>(
      `SELECT number::text, last_seal::text AS "lastSeal", last_hash AS "lastHash", entry_ids AS "entryIds",
         entry_count AS "entryCount"
       FROM audit_archives WHERE file_digest = $1`,
      [digest],
    );
    // Any change of the file changes its digest.
    if (!checkpoint) this.broken.add('archive');
    const earlier = await this.query<{ id: string }>(
      'SELECT unnest(entry_ids) AS id FROM audit_archives WHERE $1::bigint IS NULL OR number < $1',
      [checkpoint?.number ?? null],
    );
    const contents = await this.read(path, new Set(earlier.map(({ id }) => id)));
    for (const link of contents?.broken ?? ['archive']) this.broken.add(link);
    if (checkpoint && contents?.header) {
      const last = contents.seals.findLast(({ removed }) => removed);
      const lastHash = last?.hash ?? Buffer.from(contents.header.previousHash, 'hex');
      const isLinked =
        (last?.number ?? contents.header.previousSeal) === checkpoint.lastSeal &&
        lastHash.equals(checkpoint.lastHash);
      if (!isLinked || contents.entryCount !== checkpoint.entryCount) this.broken.add('archive');
      await this.checkLinks(checkpoint);
    }
    for (const userId of this.withoutKey) if (!this.erased.has(userId)) this.broken.add(`key of ${userId}`);
    const erased = [...this.withoutKey].filter((userId) => this.erased.has(userId)).length;
    return {
      rows: contents?.entryCount ?? 0,
      seals: contents?.seals.length ?? 0,
      erased,
      broken: this.broken,
    };
  }

  /** Returns null for a file that is not an archive. */
  private async read(path: string, archivedEarlier: ReadonlySet<string>): Promise<ArchiveContents | null> {
    try {
      const contents = await checkArchive(readArchive(path), archivedEarlier);
      await this.checkEntries(path);
      return contents;
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError) return null;
      throw error;
    }
  }

  /** Checks that the seal after the archive continues from it: a stored one, or one of the next archive. */
  private async checkLinks({ number, lastSeal, lastHash }: Checkpoint): Promise<void> {
    const [next] = await this.query<{ number: string; hash: Buffer }>(
      `SELECT number::text, previous_hash AS hash FROM audit_seals WHERE number = $1::bigint + 1`,
      [lastSeal],
    );
    const [later] = await this.query('SELECT FROM audit_archives WHERE number = $1::bigint + 1', [number]);
    if (next ? !next.hash.equals(lastHash) : !later && (await this.hasSealsAfter(lastSeal)))
      this.broken.add(`seal ${BigInt(lastSeal) + 1n}`);
  }

  private async hasSealsAfter(lastSeal: string): Promise<boolean> {
    return (await this.query('SELECT FROM audit_seals WHERE number > $1 LIMIT 1', [lastSeal])).length > 0;
  }

  private async checkEntries(path: string): Promise<void> {
    let batch: SealedEntry[] = [];
    for await (const line of readArchive(path)) {
      if (!('entry' in line)) continue;
      batch.push(line.entry);
      if (batch.length < entriesPerBatch) continue;
      await this.checkBatch(batch);
      batch = [];
    }
    await this.checkBatch(batch);
    const gone = await this.query<{ userId: string }>(
      'SELECT user_id AS "userId" FROM erased_users WHERE user_id = ANY ($1::uuid[])',
      [[...this.withoutKey]],
    );
    for (const { userId } of gone) this.erased.add(userId);
  }

  /** Checks that the entries left the database, and that their values decrypt. */
  private async checkBatch(entries: readonly SealedEntry[]): Promise<void> {
    const present = await this.query<{ id: string }>(
      'SELECT id FROM audit_entries WHERE id = ANY ($1::uuid[])',
      [entries.map(({ id }) => id)],
    );
    for (const { id } of present) this.broken.add(`entry ${id}`);
    const withValues = entries.filter(({ encryptedValues }) => encryptedValues !== null);
    const rows = await this.query<{ userId: string; key: Buffer }>(
      'SELECT user_id AS "userId", key FROM audit_keys WHERE user_id = ANY ($1::uuid[])',
      [[...new Set(withValues.map(({ userId }) => userId))]],
    );
    const keys = new Map(rows.map(({ userId, key }) => [userId, key]));
    for (const { id, userId, encryptedValues } of withValues) {
      const key = keys.get(userId ?? '');
      if (!key && userId !== null) this.withoutKey.add(userId);
      else if (!key || !isReadable(key, id, encryptedValues as Buffer)) this.broken.add(`entry ${id}`);
    }
  }
}
