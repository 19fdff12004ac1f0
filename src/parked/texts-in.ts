/** What ends a text, in whatever form it is written: a quotation mark, a control character, bytes that are none. */
const betweenTexts = /["\p{Cc}\uFFFD]+/u;

/**
 * The texts that a document is made of: as they are written between quotation marks, whether it is JSON or not, with
 * the numbers; and where it is JSON, every name and string as it is meant. Without NUL, which PostgreSQL does not have.
 */
export function* textsIn(document: string): Generator<string> {
  yield* document.split(betweenTexts);
  const open = [parsed(document)];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next === 'string') yield* next.split('\0');
    if (typeof next !== 'object' || next === null) continue;
    for (const [name, inner] of Object.entries(next)) {
      open.push(name, inner);
      // A CloudEvent may carry its data like this.
      if (name === 'data_base64' && typeof inner === 'string')
        yield* textsIn(Buffer.from(inner, 'base64').toString());
    }
  }
}

/** The strings and numbers that a JSON document has under this name, at any depth; none where it is no JSON. */
export function* valuesIn(document: string, wanted: string): Generator<string> {
  const open = [parsed(document)];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    for (const [name, inner] of Object.entries(next)) {
      if (name === wanted && (typeof inner === 'string' || typeof inner === 'number')) yield String(inner);
      if (name === 'data_base64' && typeof inner === 'string')
        yield* valuesIn(Buffer.from(inner, 'base64').toString(), wanted);
      open.push(inner);
    }
  }
}

export const isJson = (document: string): boolean => parsed(document) !== null;

function parsed(document: string): unknown {
  try {
    return JSON.parse(document);
  } catch {
    return null;
  }
}
