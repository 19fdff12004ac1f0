/** Separates texts: quotation marks, control characters, and bytes that are not UTF-8. */
const betweenTexts = /["\p{Cc}\uFFFD]+/u;

/**
 * Yields the texts of a document: what is between quotation marks or control characters, whether it is JSON or not.
 * Of JSON also every name and string, unescaped. NUL separates texts, as PostgreSQL cannot store it.
 */
export function* stringsOf(document: string): Generator<string> {
  yield* document.split(betweenTexts);
  for (const [name, value] of nodesOf(document)) {
    yield* name.split('\0');
    if (typeof value !== 'string') continue;
    yield* value.split('\0');
    if (name === base64Member) yield* stringsOf(decoded(value));
  }
}

/** Yields the strings and numbers that a JSON document has under this name, at any depth. Nothing if it is not JSON. */
export function* valuesNamed(document: string, wanted: string): Generator<string> {
  for (const [name, value] of nodesOf(document)) {
    if (name === wanted && (typeof value === 'string' || typeof value === 'number')) yield String(value);
    if (name === base64Member && typeof value === 'string') yield* valuesNamed(decoded(value), wanted);
  }
}

/** In a CloudEvent, the member that carries data as base64. */
const base64Member = 'data_base64';
const decoded = (base64: string) => Buffer.from(base64, 'base64').toString();

/** Yields every value of a JSON document, with the name or index it has in its parent. The root's name is empty. */
function* nodesOf(document: string): Generator<[name: string, value: unknown]> {
  const open: [string, unknown][] = [['', parsed(document)]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    yield next;
    const [, value] = next;
    if (typeof value !== 'object' || value === null) continue;
    for (const entry of Object.entries(value)) open.push(entry);
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
