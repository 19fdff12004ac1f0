import { createHash } from 'node:crypto';

const address = /[^\s"'<>(),;:\\]{1,64}@[^\s"'<>(),;:\\]{1,190}/gu;
const number = /\+?[1-9](?:[\s().-]{0,2}\d){6,14}(?!\d)/g;
/** Bounds a row of `parked_messages`. */
const largestContactCount = 1_000;

/** Returns digests of at most 1,000 e-mail addresses and phone numbers in these texts, in their stored form. */
export function contactDigestsIn(texts: Iterable<string>): string[] {
  const digests = new Set<string>();
  for (const text of texts) {
    // The pattern is slow in long texts without an address.
    if (text.includes('@'))
      for (const [found] of text.matchAll(address))
        digests.add(digestOf(found.normalize('NFKC').toLowerCase()));
    for (const [found] of text.matchAll(number)) digests.add(digestOf(`+${found.replace(/\D/g, '')}`));
    if (digests.size >= largestContactCount) break;
  }
  return [...digests].slice(0, largestContactCount);
}

function digestOf(contact: string): string {
  return createHash('sha256').update(contact).digest('hex');
}
