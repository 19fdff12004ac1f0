/** Words in names of the IANA database that are not merely capitalised. */
const unusualWords =
  'ACT au BajaNorte BajaSur ComodRivadavia DeNoronha DumontDUrville EasterIsland es GB GMT IN LHI McMurdo NSW NZ of SU UCT US UTC';
const spellings = new Map(unusualWords.split(' ').map((word) => [word.toLowerCase(), word]));

/**
 * Returns an IANA time zone name in its usual case, or null for any other text. An alias is not replaced by the name
 * that it stands for.
 */
export function timeZoneName(text: string): string | null {
  // Newer engines also accept offsets such as +01:00, which are not IANA names.
  if (!/^[A-Za-z]/.test(text)) return null;
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions();
    // Intl replaces an alias, so the case of an alias follows from its words.
    return timeZone.toLowerCase() === text.toLowerCase() ? timeZone : inUsualCase(text);
  } catch {
    return null;
  }
}

function inUsualCase(alias: string): string {
  // Such as PRC, EST5EDT, GMT-0 and NZ-CHAT.
  if (/^(?:[a-z]{3}(?:[+-]?\d\w*)?|nz-chat)$/i.test(alias)) return alias.toUpperCase();
  return alias.replace(/[a-z]+/gi, (word) => {
    const lower = word.toLowerCase();
    return spellings.get(lower) ?? `${lower.charAt(0).toUpperCase()}${lower.slice(1)}`;
  });
}
