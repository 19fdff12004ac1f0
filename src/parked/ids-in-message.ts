import { isJson, stringsOf, valuesNamed } from './strings-of-message';

/** No order's id is longer: the intake reads none that is. */
const longestId = 255;
const userIdAnywhere = /(?=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))/gi;
const edgeOfWord = /(?<![\p{L}\p{M}\p{N}])|(?![\p{L}\p{M}\p{N}])/gu;

/** Every id in these texts that could be a user's, in the canonical form, whatever stands before or after it. */
export function userIdsIn(texts: Iterable<string>): Set<string> {
  const ids = new Set<string>();
  for (const text of texts)
    for (const [, id] of text.matchAll(userIdAnywhere)) if (id) ids.add(id.toLowerCase());
  return ids;
}

/**
 * Everything in these texts that could be an order's id, as those may be any text: each part of a text that is no
 * longer than an id may be, and each sequence of whole words of a longer one, with or without what stands around them.
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

/** Of a document that cannot be read no more are kept. */
const mostGuesses = 1_000;

/** The orders that a body names as such; where it is no JSON, each whole text in it that could be one. */
export function declaredOrderIds(body: string): string[] {
  const ids = new Set(isJson(body) ? valuesNamed(body, 'orderId') : stringsOf(body));
  return [...ids].filter((id) => id !== '' && id.length <= longestId).slice(0, mostGuesses);
}

/** The texts of a message that its ids are in. */
export function stringsOfMessage(message: { readonly headers: unknown; readonly body: Buffer }): Set<string> {
  return new Set([...stringsOf(message.body.toString()), ...stringsOf(JSON.stringify(message.headers))]);
}
