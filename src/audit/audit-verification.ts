import {
  digestBytes,
  digestOf,
  genesisHash,
  hashOf,
  type Link,
  type SealedEntry,
  sealedEntryColumns,
} from './audit-chain';
import { decryptValues } from './audit-values';
import { PositionSet } from './position-set';

/** Runs a statement in the one snapshot that is verified. */
export type Query = <Row>(sql: string, parameters: unknown[]) => Promise<Row[]>;

export interface VerificationResult {
  /** Entries, sealed or not. */
  readonly rows: number;
  readonly seals: number;
  /** Users whose values nobody can read any more because they were erased. */
  readonly erased: number;
  /** What was changed, removed or put in, each once: `entry ID`, `seal NUMBER`, `key of USER`, `queued entry ID`. */
  readonly broken: ReadonlySet<string>;
}

export interface VerificationOptions {
  /** A seal as it was once told outside the database. */
  readonly head?: { readonly number: string; readonly hash: string };
  readonly onSeal?: () => void;
}

type Seal = Link & { readonly hash: Buffer };

const sealsAtOnce = 5;
const rowsAtOnce = 5_000;

/**
 * Looks at every seal, entry, key and queued entry. What was written since the last seal is only known to be
 * queued: a change of it shows from the moment it is sealed.
 */
export class AuditVerification {
  private readonly broken = new Set<string>();
  private readonly accounted = new PositionSet();
  private readonly withoutKey = new Set<string>();
  private readonly erased = new Set<string>();

  constructor(
    private readonly query: Query,
    private readonly options: VerificationOptions = {},
  ) {}

  async run(): Promise<VerificationResult> {
    const seals = await this.checkSeals();
    await this.checkQueue();
    const rows = await this.checkEntries();
    await this.checkKeys();
    for (const userId of this.withoutKey) if (!this.erased.has(userId)) this.broken.add(`key of ${userId}`);
    const erased = [...this.withoutKey].filter((userId) => this.erased.has(userId)).length;
    return { rows, seals, erased, broken: this.broken };
  }

  private async checkSeals(): Promise<number> {
    let seals = 0;
    let expected = 1n;
    /** What the next seal may say came before it. */
    let previous: readonly Buffer[] | null = [genesisHash];
    let headFound = !this.options.head;
    for (let after: string | null = null; ; ) {
      const batch: Seal[] = await this.query<Seal>(
        `SELECT number::text, entry_ids AS "entryIds", entry_digests AS "entryDigests",
           previous_hash AS "previousHash", hash, round(extract(epoch FROM sealed_at) * 1000000)::text AS "sealedAtMicros"
         FROM audit_seals WHERE $1::bigint IS NULL OR audit_seals.number > $1 ORDER BY audit_seals.number LIMIT $2`,
        [after, sealsAtOnce],
      );
      const entries = await this.entriesOf(batch);
      for (const seal of batch) {
        // What follows a missing seal cannot be told to follow it.
        if (BigInt(seal.number) !== expected) {
          this.broken.add(`seal ${expected}`);
          previous = null;
        }
        const computed = hashOf(seal);
        const follows = previous?.some((hash) => hash.equals(seal.previousHash)) ?? true;
        const whole = seal.entryDigests.length === seal.entryIds.length * digestBytes;
        if (!follows || !whole || !computed.equals(seal.hash)) this.broken.add(`seal ${seal.number}`);
        this.checkSealed(seal, entries);
        const { head } = this.options;
        if (head && seal.number === head.number) headFound = computed.toString('hex') === head.hash;
        // Where only the hash was changed, the next seal still follows what it should be.
        previous = [seal.hash, computed];
        expected = BigInt(seal.number) + 1n;
        seals += 1;
        this.options.onSeal?.();
      }
      const last = batch.at(-1);
      if (!last || batch.length < sealsAtOnce) break;
      after = last.number;
    }
    if (!headFound) this.broken.add(`seal ${this.options.head?.number}`);
    return seals;
  }

  private async entriesOf(seals: readonly Seal[]): Promise<Map<string, SealedEntry>> {
    const entries = await this.query<SealedEntry>(
      `SELECT ${sealedEntryColumns} FROM audit_entries WHERE id = ANY ($1::uuid[])`,
      [seals.flatMap(({ entryIds }) => entryIds)],
    );
    return new Map(entries.map((entry) => [entry.id, entry]));
  }

  private checkSealed(seal: Seal, entries: ReadonlyMap<string, SealedEntry>): void {
    for (const [index, id] of seal.entryIds.entries()) {
      const entry = entries.get(id);
      const digest = seal.entryDigests.subarray(index * digestBytes, (index + 1) * digestBytes);
      // Sealed twice is no better than changed.
      if (!entry || !this.accounted.add(entry.position) || !digestOf(entry).equals(digest))
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
        // Neither sealed nor queued: it was put in.
        if (this.accounted.add(position)) this.broken.add(`entry ${id}`);
        if (action === 'USER_ERASED') this.erased.add(userId);
        if (encryptedValues === null) return;
        if (key === null) this.withoutKey.add(userId);
        else if (!isReadable(key, id, encryptedValues)) this.broken.add(`entry ${id}`);
      },
    );
    return rows;
  }

  private async checkKeys(): Promise<void> {
    await this.forEachRow<{ userId: string; used: boolean }>(
      `SELECT user_id AS "userId", EXISTS (SELECT FROM audit_entries
         WHERE audit_entries.user_id = audit_keys.user_id AND encrypted_values IS NOT NULL) AS used
       FROM audit_keys WHERE $1::uuid IS NULL OR user_id > $1 ORDER BY user_id LIMIT $2`,
      ({ userId }) => userId,
      ({ userId, used }) => {
        // Of an erased user, it would make readable again what nobody is to read.
        if (!used || this.erased.has(userId)) this.broken.add(`key of ${userId}`);
      },
    );
  }

  private async forEachRow<Row>(
    sql: string,
    keyOf: (row: Row) => string,
    check: (row: Row) => void,
  ): Promise<void> {
    for (let after: string | null = null; ; ) {
      const rows: Row[] = await this.query<Row>(sql, [after, rowsAtOnce]);
      rows.forEach(check);
      const last = rows.at(-1);
      if (last === undefined || rows.length < rowsAtOnce) return;
      after = keyOf(last);
    }
  }
}

function isReadable(key: Buffer, entryId: string, encryptedValues: Buffer): boolean {
  try {
    decryptValues(key, entryId, encryptedValues);
    return true;
  } catch {
    return false;
  }
}
