/** Values that look like what people send, and that nothing but data may repeat. */
export const canaries = {
  email: 'kanari.bird@kanari-mail.example',
  text: 'Kanari O’Leary',
  phone: '+4915155512345',
  password: 'kanari-password-1',
  token: 'eyJrYW5hcmki.kanari.kanari',
};

const telling = {
  'a value that was sent': /kanari|15155512345/i,
  SQL: /\b(select|insert|update|delete|alter)\s[^"]{0,200}\b(from|into|set|where|table)\b|_normalized/i,
  'a stack': /node_modules|stacktrace|QueryFailed|\.[jt]s:\d+/,
};

/** What a text gives away, each with the place; empty when that is nothing. */
export function leaksIn(text: string, { isLog = false } = {}): string[] {
  return Object.entries(telling).flatMap(([what, pattern]) => {
    // A log line tells the class of an error and the place of ours it came from; that is no stack.
    const searched = isLog ? text.replace(/"(?:at|name)":"[^"]*"/g, '') : text;
    const at = searched.search(pattern);
    return at < 0 ? [] : [`${what}: …${searched.slice(Math.max(0, at - 80), at + 120)}…`];
  });
}

/** Text that fits nowhere: odd, long, or something else than is asked for. */
export const strangeTexts = [
  `kanari\u0000${canaries.email}`,
  'kanari \ud800 '.repeat(200),
  '2024-02-30T25:61:61 Kanari',
];

/** Values of the wrong kind for most places; each holds a canary, or is as large or as odd as JSON allows. */
export const poisons: unknown[] = [
  ...strangeTexts,
  canaries.email,
  'KANARI',
  { value: canaries.text },
  [canaries.email],
  [[canaries.phone, null]],
  1.515_551_234_5e19,
  -1.5e300,
  false,
  null,
];

/** The places of a value that hold no other values. */
export function leavesOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    leavesOf(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

/** A copy of a value with another one in this place. */
export function withValueAt(value: unknown, [step, ...rest]: (string | number)[], inner: unknown): unknown {
  if (step === undefined) return inner;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[step] = withValueAt(copy[step], rest, inner);
  return copy;
}

/** A value as a GraphQL literal; words in capitals are taken for enum values. */
export function toLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toLiteral).join(', ')}]`;
  if (typeof value === 'string' && /^[A-Z_]+$/.test(value)) return value;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([name, inner]) => `${name}: ${toLiteral(inner)}`)
    .join(', ')} }`;
}
