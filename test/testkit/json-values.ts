/** The paths of all values in a JSON value that contain no other value. */
export function leafPaths(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    leafPaths(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

/** A copy of a JSON value with another value at this path. */
export function withValueAt(value: unknown, [step, ...rest]: (string | number)[], inner: unknown): unknown {
  if (step === undefined) return inner;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[step] = withValueAt(copy[step], rest, inner);
  return copy;
}

/** Writes a JSON value as a GraphQL literal. Words in capitals become enum values. */
export function toLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toLiteral).join(', ')}]`;
  if (typeof value === 'string' && /^[A-Z_]+$/.test(value)) return value;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([name, inner]) => `${name}: ${toLiteral(inner)}`)
    .join(', ')} }`;
}

/** The forms in which PostgreSQL prints a value as JSON; times are cut to the second. */
export function formsOf(value: unknown): string[] {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const [time] = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.exec(text) ?? [];
  if (Array.isArray(value) && typeof value[0] === 'object')
    return value.flatMap((item) => Object.values(item as object)).flatMap(formsOf);
  const list = Array.isArray(value) ? [value.join(', '), JSON.stringify(value)] : [];
  return [time ?? text, ...list];
}
