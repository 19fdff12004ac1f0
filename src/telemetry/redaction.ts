import { describeError, isError } from './describe-error';

/** Names of fields that can hold secrets, personal data or free text. Matching ignores case, `_` and `-`. */
const alwaysRedacted = (
  'authorization routerAuthorization cookie setCookie token accessToken code secret password ' +
  'search notes phone variables parameters detail body query where rawPacket'
).split(' ');
/** Replaces a value that must not be logged. */
export const redactedText = '[redacted]';
const maxDepth = 5;

/** Replaces the values of named fields in a log line. */
export interface Redaction {
  /** The names of these fields in one spelling each, for pino's serializers, which compare exactly. */
  readonly names: readonly string[];
  /**
   * Returns a copy in which the values of these fields are `redactedText`, and errors are descriptions. Objects and
   * arrays nested five levels deep are replaced by `[too deep]`.
   */
  redact(fields: Record<string, unknown>): Record<string, unknown>;
}

/** Returns a redaction of `alwaysRedacted` and these names. */
export function createRedaction(personalNames: readonly string[]): Redaction {
  const names = [...alwaysRedacted, ...personalNames];
  const redactedNames = new Set(names.map(normalisedName));
  return {
    names,
    redact: (fields) => redacted(fields, redactedNames, 0) as Record<string, unknown>,
  };
}

/** Returns the text with e-mail addresses, tokens (JSON Web Tokens, bearer) and credentials in URLs replaced. */
export function withoutEmailsAndTokens(text: string): string {
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

function redacted(value: unknown, redactedNames: ReadonlySet<string>, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isError(value)) return describeError(value);
  if (value instanceof Date) return value;
  if (depth >= maxDepth) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => redacted(item, redactedNames, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    copy[name] = redactedNames.has(normalisedName(name))
      ? redactedText
      : redacted(inner, redactedNames, depth + 1);
  }
  return copy;
}

function normalisedName(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}
