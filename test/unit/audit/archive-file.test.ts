import {
  type ArchiveHeader,
  type ArchiveLine,
  checkArchive,
  type StoredSeal,
} from '../../../src/audit/archive-file';
import {
  digestOf,
  digestVersion,
  genesisHash,
  hashOf,
  type SealedEntry,
} from '../../../src/audit/audit-chain';

const header: ArchiveHeader = {
  type: 'user-service audit archive',
  version: 1,
  number: '1',
  cutAt: '2026-03-01T00:00:00.000Z',
  previousSeal: '0',
  previousHash: genesisHash.toString('hex'),
};

const entryOf = (id: string): SealedEntry => ({
  id,
  position: '1',
  atMicros: '1',
  actorId: 'staff',
  userId: null,
  action: 'USER_READ',
  fields: null,
  userIds: null,
  fieldGroups: null,
  reason: null,
  encryptedValues: null,
});

/** Returns a seal of these entries with a right hash. */
function sealOf(number: string, ids: readonly string[], previousHash: Buffer, digests?: Buffer): StoredSeal {
  const entryDigests = digests ?? Buffer.concat(ids.map((id) => digestOf(entryOf(id), digestVersion)));
  const link = { number, sealedAtMicros: '2', entryIds: ids, entryDigests, previousHash };
  return { ...link, hash: hashOf(link), digestVersion };
}

const removedIds = ['a', 'b', 'c', 'd', 'e'];
const one = sealOf('1', ['a', 'b'], genesisHash);
const two = sealOf('2', ['c'], one.hash);
const three = sealOf('3', ['d', 'e'], two.hash);
const removed = (seal: StoredSeal): ArchiveLine => ({ seal, removed: true });
const staying = (seal: StoredSeal): ArchiveLine => ({ seal, removed: false });
const entry = (id: string): ArchiveLine => ({ entry: entryOf(id) });
const lines: readonly ArchiveLine[] = [
  { header },
  removed(one),
  entry('a'),
  entry('b'),
  removed(two),
  entry('c'),
  removed(three),
  entry('d'),
  entry('e'),
];

async function* yielded(given: readonly ArchiveLine[]): AsyncGenerator<ArchiveLine> {
  yield* given;
}
const check = (given: readonly ArchiveLine[], archivedEarlier: string[] = []) =>
  checkArchive(yielded(given), new Set(archivedEarlier));

describe('checkArchive', () => {
  it('returns the contents of an archive, and calls onEntry for each entry', async () => {
    const read: string[] = [];
    const contents = await checkArchive(yielded(lines), new Set(), ({ id }) => read.push(id));
    expect(contents).toEqual({
      header,
      entryCount: 5,
      seals: [one, two, three].map(({ number, hash, previousHash }) => ({
        number,
        hash,
        previousHash,
        removed: true,
      })),
      entryIdsOfStayingSeals: [],
      broken: new Set(),
    });
    expect(read).toEqual(removedIds);
  });

  it('accepts seals that stay with some of their entries, also behind a seal that is not in the archive', async () => {
    const five = sealOf('5', ['f', 'g'], Buffer.alloc(32, 4));
    const seven = sealOf('7', ['h'], Buffer.alloc(32, 6));
    const contents = await check([...lines, staying(five), entry('g'), staying(seven), entry('h')]);
    expect(contents).toMatchObject({ entryCount: 7, entryIdsOfStayingSeals: ['g', 'h'], broken: new Set() });
    expect(contents.seals.map((it) => it.removed)).toEqual([true, true, true, false, false]);
  });

  it('accepts a removed seal without the entries that an earlier archive removed', async () => {
    const without = lines.filter((line) => !('entry' in line) || !['a', 'e'].includes(line.entry.id));
    expect((await check(without, ['a', 'e'])).broken).toEqual(new Set());
    expect((await check(without, ['a'])).broken).toEqual(new Set(['entry e']));
    expect((await check(without)).broken).toEqual(new Set(['entry a', 'entry e']));
  });

  it.each<[string, readonly ArchiveLine[], string[]]>([
    ['no header', lines.slice(1), ['seal 1', 'archive']],
    ['two headers', [{ header }, ...lines], ['archive']],
    ['a header of another version', lines.with(0, { header: { ...header, version: 2 as 1 } }), ['archive']],
    [
      'a header of another type',
      lines.with(0, { header: { ...header, type: 'audit' as ArchiveHeader['type'] } }),
      ['archive'],
    ],
    ['another previous seal', lines.with(0, { header: { ...header, previousSeal: '1' } }), ['seal 1']],
    [
      'another previous hash',
      lines.with(0, { header: { ...header, previousHash: one.hash.toString('hex') } }),
      ['seal 1'],
    ],
    ['a missing entry', lines.toSpliced(2, 1), ['entry a']],
    ['a missing last entry', lines.slice(0, -1), ['entry e']],
    ['a changed entry', lines.with(2, { entry: { ...entryOf('a'), actorId: 'mallory' } }), ['entry a']],
    ['an entry that is there twice', lines.toSpliced(2, 0, entry('a')), ['entry a']],
    ['an entry of another seal', [...lines.toSpliced(5, 1), entry('c')], ['entry c']],
    ['an entry before any seal', lines.toSpliced(1, 0, entry('x')), ['entry x']],
    ['a seal with another time', lines.with(4, removed({ ...two, sealedAtMicros: '3' })), ['seal 2']],
    [
      'a seal with a part of its digests',
      lines.with(4, removed(sealOf('2', ['c'], one.hash, two.entryDigests.subarray(1)))),
      ['seal 2', 'entry c', 'seal 3'],
    ],
    ['a missing seal between others', lines.toSpliced(4, 2), ['seal 3']],
    [
      'a seal that does not follow',
      lines
        .slice(0, 5)
        .with(4, removed(sealOf('2', ['c'], genesisHash)))
        .concat(entry('c')),
      ['seal 2'],
    ],
    [
      'a seal with the wrong number',
      lines
        .slice(0, 5)
        .with(4, removed(sealOf('3', ['c'], one.hash)))
        .concat(entry('c')),
      ['seal 3'],
    ],
  ])('reports %s', async (_what, changed, broken) => {
    expect((await check(changed)).broken).toEqual(new Set(broken));
  });
});
