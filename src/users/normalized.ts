/** More UTF-16 units than anything that is kept has in its normalised form: 254 code points, each at most 18 units. */
const longestComparedUnits = 5_000;

/** The form in which e-mail addresses, usernames and names are compared: trimmed, NFKC, lower-case. */
export function normalized(text: string): string {
  // Cut first: NFKC takes quadratic time for combining marks, 3 s for 80 kB of them. What is cut matches nobody.
  return text.trim().slice(0, longestComparedUnits).normalize('NFKC').toLowerCase();
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The canonical (lower-case) form of a UUID of any version, or null when the text is none. */
export function parseUserId(text: string): string | null {
  return uuidPattern.test(text) ? text.toLowerCase() : null;
}
