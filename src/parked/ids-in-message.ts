import { isJson, stringsOf, valuesNamed } from './strings-of-message';

/** The intake rejects longer order ids. */
const longestId = 255;
const userIdAnywhere = /(?=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))/gi;
const edgeOfWord = /(?<![\p{L}\p{M}\p{N}])|(?![\p{L}\p{M}\p{N}])/gu;

/** Returns every id in these texts that could be a user id, in canonical form, whatever precedes or follows it. */
export function userIdsIn(texts: Iterable<string>): Set<string> {
  const ids = new Set<string>();
  for (const text of texts)
    for (const [, id] of text.matchAll(userIdAnywhere)) if (id) ids.add(id.toLowerCase());
  return ids;
}

/**
 * Yields everything in these texts that could be an order id. Order ids may be any text, so these are all substrings
 * of a text of at most 255 characters. Of a longer text these are the sequences of whole words, with or without the
 * characters around them.
 */
export function* orderIdsIn(texts: Iterable<string>): Generator<string> {
  for (const text of texts) {
    const cuts =
      text.length <= longestId
        ? Array.from({ length: text.length + 1 }, (_, at) => at)
        : Array.from(text.matchAll(edgeOfWord), ({ index }) => index);
    for (const [at, start] of cuts.entries())
      for (let to = at + 1; to < cuts.length; to += 1) {
        const end = cuts[to] as number;
        if (end - start > longestId) break;
        yield text.slice(start, end);
      }
  }
}

/** Bounds a row of `parked_messages`. */
const largestIdCount = 1_000;

/** Returns at most 1,000 values of `orderId` in a JSON body. If it is not JSON: texts in it that could be order ids. */
export function declaredOrderIds(body: string): string[] {
  const ids = new Set(isJson(body) ? valuesNamed(body, 'orderId') : stringsOf(body));
  return [...ids].filter((id) => id !== '' && id.length <= longestId).slice(0, largestIdCount);
}

/** Returns the texts of a message's headers (as JSON) and body. */
export function stringsOfMessage(message: { readonly headers: string; readonly body: Buffer }): Set<string> {
  return new Set([...stringsOf(message.body.toString()), ...stringsOf(message.headers)]);
}
