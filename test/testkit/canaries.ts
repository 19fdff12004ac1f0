/** Realistic values that `CanaryCalls` sends. Only the data of a response may contain them. */
export const canaries = {
  email: 'kanari.bird@kanari-mail.example',
  text: 'Kanari O’Leary',
  phone: '+4915155512345',
  password: 'kanari-password-1',
  token: 'eyJrYW5hcmki.kanari.kanari',
};

const leaks = {
  'a value that was sent': /kanari|15155512345/i,
  SQL: /\b(select|insert|update|delete|alter)\s[^"]{0,200}\b(from|into|set|where|table)\b|_normalized/i,
  'a stack': /node_modules|stacktrace|QueryFailed|\.[jt]s:\d+/,
};

/** Returns what a response, log line or metric leaks, each with its context; empty if it leaks nothing. */
export function leaksIn(text: string, { isLog = false } = {}): string[] {
  return Object.entries(leaks).flatMap(([what, pattern]) => {
    // A log line may contain the class of an error and its location in our code.
    const searched = isLog ? text.replace(/"(?:at|name)":"[^"]*"/g, '') : text;
    const at = searched.search(pattern);
    return at < 0 ? [] : [`${what}: …${searched.slice(Math.max(0, at - 80), at + 120)}…`];
  });
}

/** Texts that no argument accepts. */
export const invalidTexts = [
  `kanari\u0000${canaries.email}`,
  'kanari \ud800 '.repeat(200),
  '2024-02-30T25:61:61 Kanari',
];

/** Values of a wrong type for most arguments: each contains a canary or is an edge case of JSON. */
export const invalidValues: unknown[] = [
  ...invalidTexts,
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
