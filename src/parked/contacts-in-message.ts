import { createHash } from 'node:crypto';

/** Each `@`, also in other widths, with the characters around it that an address may have. */
const around = (() => {
  const character = '[^\\s\\p{C}"(),:;<>[\\\\\\]@\\ufe6b\\uff20]';
  return new RegExp(`(?<=(${character}{1,254}))[@\\ufe6b\\uff20](?=(${character}{1,254}))`, 'gu');
})();
const domainAtStart = /^[\p{L}\p{M}\p{N}.-]+/u;
const edgeOfWord = /(?<![\p{L}\p{M}\p{N}])|(?![\p{L}\p{M}\p{N}])/gu;
const endOfWord = /(?<=[\p{L}\p{M}\p{N}])(?![\p{L}\p{M}\p{N}])/gu;
const number = /\+?[1-9](?:[\s().-]{0,2}\d){6,14}(?!\d)/g;
const digitGroups = /(?<!\d)\d+(?:[\s().-]{1,2}\d+)+/g;
const shortestNumber = 7;
const longestNumber = 15;
/** Bound what one `@` adds. */
const largestStartCount = 16;
const largestEndCount = 8;
/** Bounds a row of `parked_messages`. */
const largestContactCount = 1_000;

/**
 * Returns digests of at most 1,000 e-mail addresses and phone numbers in these texts, in their stored form. Without a
 * grammar of the text it is unknown where an address begins: parts of addresses and numbers follow, if there is room.
 */
export function contactDigestsIn(texts: Iterable<string>): string[] {
  const contacts = new Set<string>();
  const parts = new Set<string>();
  for (const text of texts) {
    for (const [, before = '', after = ''] of text.matchAll(around))
      for (const [at, address] of addressesIn(before, after).entries())
        (at === 0 ? contacts : parts).add(address);
    for (const [found] of text.matchAll(number)) contacts.add(`+${found.replace(/\D/g, '')}`);
    for (const [found] of text.matchAll(digitGroups)) for (const it of numbersIn(found)) parts.add(it);
    if (contacts.size >= largestContactCount) break;
  }
  return [...new Set([...contacts, ...parts])].slice(0, largestContactCount).map(contactDigest);
}

/** Returns the addresses that begin and end at an edge of a word around an `@`, the longest first. */
function addressesIn(before: string, after: string): string[] {
  const local = before.normalize('NFKC');
  const [domain = ''] = domainAtStart.exec(after.normalize('NFKC')) ?? [];
  const [first = 0, ...later] = Array.from(local.matchAll(edgeOfWord), ({ index }) => index).slice(0, -1);
  const starts = [first, ...later.slice(1 - largestStartCount)];
  const ends = Array.from(domain.matchAll(endOfWord), ({ index }) => index)
    .filter((end) => domain.slice(0, end).includes('.'))
    .slice(-largestEndCount)
    .reverse();
  return ends.flatMap((end) =>
    starts.map((start) => `${local.slice(start)}@${domain.slice(0, end)}`.toLowerCase()),
  );
}

/** Yields the numbers that are some consecutive groups of these digits. */
function* numbersIn(text: string): Generator<string> {
  const groups = text.match(/\d+/g) ?? [];
  for (const at of groups.keys()) {
    let digits = '';
    for (let end = at; end < groups.length && end < at + longestNumber; end += 1) {
      digits = `${digits}${groups[end]}`.replace(/^0+/, '');
      if (digits.length >= shortestNumber && digits.length <= longestNumber) yield `+${digits}`;
    }
  }
}

/** Returns the digest under which a row of `parked_messages` names a contact in its stored form. */
export function contactDigest(contact: string): string {
  return createHash('sha256').update(contact).digest('hex');
}
