import { describeError, isError } from './describe-error';

/** Names of fields whose values never belong into a log line; `_`, `-` and case make no difference. */
export const SECRET_NAMES = (
  'authorization routerAuthorization cookie setCookie token accessToken secret password ' +
  'email pendingEmail username firstName lastName displayName phoneNumber phone ' +
  'address street city postalCode notes additionalNotes statusNotes search ' +
  'variables parameters detail body query where rawPacket'
).split(' ');
const SECRET_NORMALISED_NAMES = new Set(SECRET_NAMES.map(normalisedName));
/** What stands in the place of a value that must not be logged. */
export const REDACTED = '[redacted]';
const MAX_DEPTH = 5;

/** A copy in which values under names that hold secrets or personal data are replaced, at any depth. */
export function withoutSecrets(fields: Record<string, unknown>): Record<string, unknown> {
  return redacted(fields, 0) as Record<string, unknown>;
}

/** The text with e-mail addresses, JSON Web Tokens, bearer tokens and credentials in URLs replaced. */
export function withoutPersonalData(text: string): string {
  let clean = text;
  if (clean.includes('@')) {
    clean = clean
      .replace(/\/\/[^\s/@"]{1,200}@/g, '//[redacted]@')
      .replace(
        /[^\s@"'<>()=,;:\\/{}[\]]{1,64}@[^\s@"'<>()=,;:\\/{}[\]]{1,255}\.\p{L}[\p{L}\p{N}-]+/gu,
        '[email]',
      );
  }
  if (clean.includes('eyJ')) clean = clean.replace(/eyJ[\w-]+\.[\w-]+(\.[\w-]*)?/g, '[token]');
  return /bearer/i.test(clean) ? clean.replace(/(bearer\s+)[\w.~+/-]{8,}=*/gi, '$1[token]') : clean;
}

function redacted(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isError(value)) return describeError(value);
  if (value instanceof Date) return value;
  if (depth >= MAX_DEPTH) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => redacted(item, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    copy[name] = SECRET_NORMALISED_NAMES.has(normalisedName(name)) ? REDACTED : redacted(inner, depth + 1);
  }
  return copy;
}

function normalisedName(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}
