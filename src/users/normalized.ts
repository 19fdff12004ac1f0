/** At least the length of every stored value: 254 code points, each at most 18 UTF-16 units after NFKC. */
const maxComparedUnits = 5_000;

/** Returns the form in which e-mail addresses, usernames and names are compared: trimmed, NFKC, lower-case. */
export function normalized(text: string): string {
  // Truncated first: NFKC takes quadratic time for combining marks, 3 s for 80 kB. No stored value is that long.
  return text.trim().slice(0, maxComparedUnits).normalize('NFKC').toLowerCase();
}

/** PostgreSQL cannot store this character in text, so no user has it. */
export const unstorable = '\0';

/** Not the nil UUID, which stands for no user. */
const userIdPattern =
  /^(?!0{8}-(?:0{4}-){3}0{12})[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Returns the canonical (lower-case) form of a UUID of any version, or null for the nil UUID and any other text. */
export function parseUserId(text: string): string | null {
  return userIdPattern.test(text) ? text.toLowerCase() : null;
}

/** Returns the id of the caller's own account if `userId` names it, else null. */
export function ownIdOf(actorId: string, userId: string): string | null {
  const id = parseUserId(userId);
  return id === parseUserId(actorId) ? id : null;
}
