import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFileLines } from '../files/lines';
import { digestBytes, digestOf, hashOf, type Link, type SealedEntry } from './audit-chain';

/** A seal as stored. */
export type StoredSeal = Link & { readonly hash: Buffer; readonly digestVersion: number };

/** The first line of an archive. */
export interface ArchiveHeader {
  readonly type: 'user-service audit archive';
  readonly version: 1;
  /** Counts archives from 1. */
  readonly number: string;
  /** Entries before this time are archived. */
  readonly cutAt: string;
  /** The number of the seal before the archived ones. */
  readonly previousSeal: string;
  /** The hash of that seal, in hexadecimal. */
  readonly previousHash: string;
}

/**
 * A seal in an archive. `removed` is false if the seal stays in the database: it, or a seal before it, has entries that
 * are not archived.
 */
export interface ArchivedSeal {
  readonly seal: StoredSeal;
  readonly removed: boolean;
}

/** A line of an archive, parsed. The header comes first. Each seal is followed by its archived entries. */
export type ArchiveLine = { readonly header: ArchiveHeader } | ArchivedSeal | { readonly entry: SealedEntry };

/** Returns a line of NDJSON, with bytes as base64. */
export function archiveLineOf(line: ArchiveLine): string {
  return `${JSON.stringify(line, (_key, value: unknown) =>
    isBufferJson(value) ? { base64: Buffer.from(value.data).toString('base64') } : value,
  )}\n`;
}

/** Yields the lines of an archive. Throws a SyntaxError for a line that is not JSON. */
export async function* readArchive(path: string): AsyncGenerator<ArchiveLine> {
  for await (const text of readFileLines(path))
    yield JSON.parse(text, (_key, value: unknown) =>
      isBase64Json(value) ? Buffer.from(value.base64, 'base64') : value,
    ) as ArchiveLine;
}

/** Returns the SHA-256 of a file. */
export async function fileDigestOf(path: string): Promise<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest();
}

/** The contents of an archive. They can be trusted only if `broken` is empty. */
export interface ArchiveContents {
  readonly header: ArchiveHeader | null;
  readonly entryCount: number;
  readonly seals: readonly (Pick<StoredSeal, 'number' | 'hash' | 'previousHash'> & {
    readonly removed: boolean;
  })[];
  /** The ids of archived entries whose seals stay in the database. */
  readonly entryIdsOfStayingSeals: readonly string[];
  /** What was changed, removed or inserted: `entry ID`, `seal NUMBER`, `archive`. */
  readonly broken: Set<string>;
}

/** A seal, with the digests of the entries that were not read yet. */
type ReadSeal = ArchiveContents['seals'][number] & {
  readonly digests: Map<string, Buffer>;
  readonly version: number;
};

/**
 * Checks the seals of an archive and their entries. Calls `onEntry` for each entry.
 *
 * @param archivedEarlier ids of entries that earlier archives removed without their seals: they may be missing
 */
export async function checkArchive(
  lines: AsyncIterable<ArchiveLine>,
  archivedEarlier: ReadonlySet<string>,
  onEntry: (entry: SealedEntry) => void = () => undefined,
): Promise<ArchiveContents> {
  const broken = new Set<string>();
  const seals: ReadSeal[] = [];
  const entryIdsOfStayingSeals: string[] = [];
  let lastRemoved: ReadSeal | null = null;
  let header: ArchiveHeader | null = null;
  let entryCount = 0;
  const checkSealIsComplete = () => {
    const last = seals.at(-1);
    if (!last?.removed) return;
    for (const id of last.digests.keys()) if (!archivedEarlier.has(id)) broken.add(`entry ${id}`);
  };
  for await (const line of lines) {
    if ('header' in line) {
      if (header) broken.add('archive');
      header = line.header;
    } else if ('seal' in line) {
      checkSealIsComplete();
      const { seal, removed } = line;
      if (!isIntact(seal)) broken.add(`seal ${seal.number}`);
      const { number, hash, previousHash, digestVersion: version } = seal;
      const expected: Pick<StoredSeal, 'number' | 'hash'> | null =
        lastRemoved ??
        (header && { number: header.previousSeal, hash: Buffer.from(header.previousHash, 'hex') });
      const follows =
        expected && BigInt(number) === BigInt(expected.number) + 1n && expected.hash.equals(previousHash);
      if (removed && !follows) broken.add(`seal ${number}`);
      const read: ReadSeal = { number, hash, previousHash, removed, digests: digestsOf(seal), version };
      seals.push(read);
      if (removed) lastRemoved = read;
    } else {
      const { entry } = line;
      const seal = seals.at(-1);
      entryCount += 1;
      const digest = seal?.digests.get(entry.id);
      // A second entry with this id is then broken, and the digests that remain name missing entries.
      seal?.digests.delete(entry.id);
      if (!seal || !digest || !digestOf(entry, seal.version).equals(digest)) broken.add(`entry ${entry.id}`);
      if (seal && !seal.removed) entryIdsOfStayingSeals.push(entry.id);
      onEntry(entry);
    }
  }
  checkSealIsComplete();
  if (header?.type !== 'user-service audit archive' || header.version !== 1) broken.add('archive');
  return {
    header,
    entryCount,
    seals: seals.map(({ digests: _digests, version: _version, ...seal }) => seal),
    entryIdsOfStayingSeals,
    broken,
  };
}

function isIntact(seal: StoredSeal): boolean {
  return seal.entryDigests.length === seal.entryIds.length * digestBytes && hashOf(seal).equals(seal.hash);
}

function digestsOf({ entryIds, entryDigests }: StoredSeal): Map<string, Buffer> {
  return new Map(
    entryIds.map((id, index) => [id, entryDigests.subarray(index * digestBytes, (index + 1) * digestBytes)]),
  );
}

function isBufferJson(value: unknown): value is { data: number[] } {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer';
}

function isBase64Json(value: unknown): value is { base64: string } {
  return (
    typeof value === 'object' && value !== null && typeof (value as { base64?: unknown }).base64 === 'string'
  );
}
