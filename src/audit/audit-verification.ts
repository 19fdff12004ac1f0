import type { StoredSeal } from './archive-file';
import {
  digestBytes,
  digestOf,
  genesisHash,
  hashOf,
  type SealedEntry,
  sealColumns,
  sealedEntryColumns,
} from './audit-chain';
import { isReadable } from './audit-values';
import { PositionSet } from './position-set';

/** Runs a statement in the snapshot that is verified. */
export type Query = <Row>(sql: string, parameters: unknown[]) => Promise<Row[]>;

export interface VerificationResult {
  /** Number of entries, sealed or not. */
  readonly rows: number;
  readonly seals: number;
  /** Number of users whose values are unreadable because they were erased. */
  readonly erased: number;
  /** What was changed, removed or inserted, each once: `entry ID`, `seal NUMBER`, `key of USER`, `queued entry ID`. */
  readonly broken: ReadonlySet<string>;
}

export interface VerificationOptions {
  /** A seal as it was logged or published; the chain must contain it. */
  readonly head?: { readonly number: string; readonly hash: string };
  readonly onSeal?: () => void;
}

const sealsPerBatch = 5;
const rowsPerBatch = 5_000;

/**
 * Checks every seal, entry, key and queued entry. An entry that is not sealed yet has no digest: it must be queued and
 * its values must decrypt, but any other change made before sealing is sealed with it and never shows.
 */
export class AuditVerification {
  private readonly broken = new Set<string>();
  private readonly accounted = new PositionSet();
  private readonly withoutKey = new Set<string>();
  private readonly erased = new Set<string>();
  /** Entries whose seals are here, and which only an archive has. */
  private archived: ReadonlySet<string> = new Set();
  private hasArchives = false;

  constructor(
    private readonly query: Query,
    private readonly options: VerificationOptions = {},
  ) {}

  async run(): Promise<VerificationResult> {
    const seals = await this.checkSeals();
    await this.checkQueue();
    const rows = await this.checkEntries();
    if (this.hasArchives) await this.addErasedBeforeCut();
    await this.checkKeys();
    for (const userId of this.withoutKey) if (!this.erased.has(userId)) this.broken.add(`key of ${userId}`);
    const erased = [...this.withoutKey].filter((userId) => this.erased.has(userId)).length;
    return { rows, seals, erased, broken: this.broken };
  }

  private async checkSeals(): Promise<number> {
    let seals = 0;
    const start = await this.readArchives();
    let expected = BigInt(start.number) + 1n;
    /** Accepted previous hashes of the next seal; null after a missing seal. */
    let previous: readonly Buffer[] | null = [start.hash];
    const { head } = this.options;
    let headFound = !head || (head.number === start.number && head.hash === start.hash.toString('hex'));
    for (let after: string | null = null; ; ) {
      const batch: StoredSeal[] = await this.query<StoredSeal>(
        `SELECT ${sealColumns} FROM audit_seals WHERE $1::bigint IS NULL OR audit_seals.number > $1 ORDER BY audit_seals.number LIMIT $2`,
        [after, sealsPerBatch],
      );
      const entries = await this.entriesOf(batch);
      for (const seal of batch) {
        if (BigInt(seal.number) !== expected) {
          this.broken.add(`seal ${expected}`);
          previous = null;
        }
        const computed = hashOf(seal);
        const follows = previous?.some((hash) => hash.equals(seal.previousHash)) ?? true;
        const whole = seal.entryDigests.length === seal.entryIds.length * digestBytes;
        if (!follows || !whole || !computed.equals(seal.hash)) this.broken.add(`seal ${seal.number}`);
        this.checkSealed(seal, entries);
        if (head && seal.number === head.number) headFound = computed.toString('hex') === head.hash;
        // If only the stored hash was changed, the next seal still has the computed one and is not broken.
        previous = [seal.hash, computed];
        expected = BigInt(seal.number) + 1n;
        seals += 1;
        this.options.onSeal?.();
      }
      const last = batch.at(-1);
      if (!last || batch.length < sealsPerBatch) break;
      after = last.number;
    }
    if (!headFound) this.broken.add(`seal ${this.options.head?.number}`);
    return seals;
  }

  /** Returns the seal from which the chain continues: the last one that was archived. */
  private async readArchives(): Promise<{ number: string; hash: Buffer }> {
    const archives = await this.query<{ lastSeal: string; lastHash: Buffer; entryIds: string[] }>(
      `SELECT last_seal::text AS "lastSeal", last_hash AS "lastHash", entry_ids AS "entryIds" FROM audit_archives
       ORDER BY number`,
      [],
    );
    this.hasArchives = archives.length > 0;
    this.archived = new Set(archives.flatMap(({ entryIds }) => entryIds));
    const last = archives.at(-1);
    return { number: last?.lastSeal ?? '0', hash: last?.lastHash ?? genesisHash };
  }

  private async entriesOf(seals: readonly StoredSeal[]): Promise<Map<string, SealedEntry>> {
    const entries = await this.query<SealedEntry>(
      `SELECT ${sealedEntryColumns} FROM audit_entries WHERE id = ANY ($1::uuid[])`,
      [seals.flatMap(({ entryIds }) => entryIds)],
    );
    return new Map(entries.map((entry) => [entry.id, entry]));
  }

  private checkSealed(seal: StoredSeal, entries: ReadonlyMap<string, SealedEntry>): void {
    for (const [index, id] of seal.entryIds.entries()) {
      const entry = entries.get(id);
      const digest = seal.entryDigests.subarray(index * digestBytes, (index + 1) * digestBytes);
      if (!entry && this.archived.has(id)) continue;
      // An entry that is sealed twice is broken, too.
      if (
        !entry ||
        !this.accounted.add(entry.position) ||
        !digestOf(entry, seal.digestVersion).equals(digest)
      )
        this.broken.add(`entry ${id}`);
    }
  }

  private async checkQueue(): Promise<void> {
    await this.forEachRow<{ entryId: string; position: string | null }>(
      `SELECT entry_id AS "entryId", position::text FROM audit_unsealed
       LEFT JOIN audit_entries ON id = entry_id WHERE $1::uuid IS NULL OR entry_id > $1 ORDER BY entry_id LIMIT $2`,
      ({ entryId }) => entryId,
      ({ entryId, position }) => {
        if (position === null || !this.accounted.add(position)) this.broken.add(`queued entry ${entryId}`);
      },
    );
  }

  private async checkEntries(): Promise<number> {
    let rows = 0;
    type Row = Pick<SealedEntry, 'id' | 'position' | 'userId' | 'action' | 'encryptedValues'> & {
      key: Buffer | null;
    };
    await this.forEachRow<Row>(
      `SELECT id, position::text, user_id AS "userId", action, encrypted_values AS "encryptedValues", key
       FROM audit_entries LEFT JOIN audit_keys USING (user_id)
       WHERE $1::bigint IS NULL OR audit_entries.position > $1 ORDER BY audit_entries.position LIMIT $2`,
      ({ position }) => position,
      ({ id, position, userId, action, encryptedValues, key }) => {
        rows += 1;
        // Neither sealed nor queued: it was inserted outside the service.
        if (this.accounted.add(position)) this.broken.add(`entry ${id}`);
        if (action === 'USER_ERASED' && userId !== null) this.erased.add(userId);
        if (encryptedValues === null) return;
        if (key === null && userId !== null) this.withoutKey.add(userId);
        else if (key === null || !isReadable(key, id, encryptedValues)) this.broken.add(`entry ${id}`);
      },
    );
    return rows;
  }

  /** The entries of some erasures are archived. */
  private async addErasedBeforeCut(): Promise<void> {
    await this.forEachRow<{ userId: string }>(
      `SELECT user_id AS "userId" FROM erased_users WHERE $1::uuid IS NULL OR user_id > $1 ORDER BY user_id LIMIT $2`,
      ({ userId }) => userId,
      ({ userId }) => this.erased.add(userId),
    );
  }

  private async checkKeys(): Promise<void> {
    await this.forEachRow<{ userId: string; used: boolean }>(
      `SELECT user_id AS "userId", EXISTS (SELECT FROM audit_entries
         WHERE audit_entries.user_id = audit_keys.user_id AND encrypted_values IS NOT NULL) AS used
       FROM audit_keys WHERE $1::uuid IS NULL OR user_id > $1 ORDER BY user_id LIMIT $2`,
      ({ userId }) => userId,
      ({ userId, used }) => {
        // An erasure deletes the key, so a key of an erased user was restored.
        // The entries of a key may all be archived.
        if ((!used && !this.hasArchives) || this.erased.has(userId)) this.broken.add(`key of ${userId}`);
      },
    );
  }

  private async forEachRow<Row>(
    sql: string,
    keyOf: (row: Row) => string,
    check: (row: Row) => void,
  ): Promise<void> {
    for (let after: string | null = null; ; ) {
      const rows: Row[] = await this.query<Row>(sql, [after, rowsPerBatch]);
      rows.forEach(check);
      const last = rows.at(-1);
      if (last === undefined || rows.length < rowsPerBatch) return;
      after = keyOf(last);
    }
  }
}
