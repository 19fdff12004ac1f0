import { timeZoneName } from './time-zone-name';
import type { PostalAddress } from './user.entity';
import { type FieldProblem, type FieldProblemCode, InvalidInputError } from './user.errors';

/** An address as callers send it. */
export type AddressInput = { [K in keyof PostalAddress]?: string | null | undefined };

/** Bounds of a text in code points. */
export interface TextLength {
  /** Defaults to 1. */
  readonly minimum?: number;
  readonly maximum: number;
}

/**
 * Control characters, bidirectional controls and characters of no width. U+200C and U+200D are allowed within a word or
 * an emoji: Persian, Hindi and emoji of several people need them.
 */
const unseen = new RegExp(
  [
    '[\\p{Cc}\\p{Cs}\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ufeff]',
    '(?<![\\p{L}\\p{M}\\p{Extended_Pictographic}\\p{Emoji_Modifier}])[\\u200c\\u200d]',
    '[\\u200c\\u200d](?![\\p{L}\\p{M}\\p{Extended_Pictographic}])',
  ].join('|'),
  'u',
);

/** True if the text has control or invisible characters. */
export function hasUnseenCharacters(text: string): boolean {
  return unseen.test(text);
}

/** Reads the fields of an input and collects their problems, so that one error names every wrong field. */
export class InputReader {
  private readonly problems: FieldProblem[] = [];

  problem(path: string, code: FieldProblemCode, message: string): void {
    this.problems.push({ path, code, message });
  }

  /** Throws InvalidInputError if a field read so far has a problem. */
  finish(): void {
    if (this.problems.length > 0) throw new InvalidInputError(this.problems);
  }

  /** Returns the trimmed text. It must not be blank, nor contain control or invisible characters. */
  required(path: string, value: string | null | undefined, length: TextLength): string {
    const text = this.optional(path, value, length);
    if (text === null) this.problem(path, 'REQUIRED', 'must not be empty');
    return text ?? '';
  }

  /** Returns the trimmed text, or null if it is blank or not given. */
  optional(
    path: string,
    value: string | null | undefined,
    { minimum = 1, maximum }: TextLength,
  ): string | null {
    const text = value?.trim() ?? '';
    if (text === '') return null;
    const length = [...text].length;
    if (length < minimum) this.problem(path, 'TOO_SHORT', `must have at least ${minimum} characters`);
    if (length > maximum) this.problem(path, 'TOO_LONG', `must have at most ${maximum} characters`);
    if (hasUnseenCharacters(text))
      this.problem(path, 'CONTROL_CHARACTERS', 'must not contain control or invisible characters');
    return text;
  }

  /** Returns the address as it was written, except that another character for `@` is replaced. */
  email(path: string, value: string | null | undefined): string {
    const text = withPlainAt(this.required(path, value, { maximum: 254 }));
    if (text !== '' && !isEmailAddress(text))
      this.problem(path, 'INVALID_FORMAT', 'must be an e-mail address');
    return text;
  }

  /** Returns the username. `checkUsername` checks one that is an address, which depends on the user. */
  username(path: string, value: string | null | undefined): string {
    return withPlainAt(this.required(path, value, { minimum: 3, maximum: 100 }));
  }

  /** Returns a number in E.164 form with its plus sign, which is optional in the input. */
  phoneNumber(path: string, value: string | null | undefined): string | null {
    const text = this.optional(path, value, { maximum: 100 });
    if (text === null) return null;
    if (!/^\+?[1-9]\d{1,14}$/.test(text))
      this.problem(path, 'INVALID_FORMAT', 'must be in E.164 format, such as +14155550100');
    return text.startsWith('+') ? text : `+${text}`;
  }

  /** Returns a BCP 47 tag in its canonical case. */
  locale(path: string, value: string | null | undefined): string | null {
    const text = this.optional(path, value, { maximum: 100 });
    if (text === null) return null;
    try {
      return Intl.getCanonicalLocales(text)[0] ?? null;
    } catch {
      this.problem(path, 'INVALID_FORMAT', 'must be a BCP 47 language tag, such as en-GB');
      return null;
    }
  }

  /** Returns an IANA time zone name in its usual case. An alias is not replaced by the name it stands for. */
  timeZone(path: string, value: string | null | undefined): string | null {
    const text = this.optional(path, value, { maximum: 100 });
    if (text === null) return null;
    const name = timeZoneName(text);
    if (name === null)
      this.problem(path, 'INVALID_FORMAT', 'must be an IANA time zone name, such as Europe/Berlin');
    return name;
  }

  /** Returns the whole address, or null if no part of it is given. */
  address(path: string, value: AddressInput | null | undefined): PostalAddress | null {
    if (!value) return null;
    const address: PostalAddress = {
      street: this.optional(`${path}.street`, value.street, { maximum: 100 }),
      city: this.optional(`${path}.city`, value.city, { maximum: 50 }),
      state: this.optional(`${path}.state`, value.state, { maximum: 50 }),
      postalCode: this.optional(`${path}.postalCode`, value.postalCode, { maximum: 20 }),
      country: this.optional(`${path}.country`, value.country, { maximum: 50 }),
    };
    return Object.values(address).every((part) => part === null) ? null : address;
  }

  /** Checks a key without returning it: only its digest is stored. */
  idempotencyKey(value: string | null | undefined): void {
    this.optional('idempotencyKey', value, { maximum: 200 });
  }

  /** Returns the password unchanged. All rules but the minimum length belong to the AuthenticationService. */
  password(path: string, value: string | null | undefined, isAvailable: boolean): string | null {
    if (value === null || value === undefined) return null;
    if ([...value].length < 8) this.problem(path, 'TOO_SHORT', 'must have at least 8 characters');
    else if (!isAvailable)
      this.problem(path, 'NOT_AVAILABLE', 'cannot be set: no AuthenticationService is configured');
    return value;
  }
}

/** Replaces the characters that NFKC turns into `@`. */
function withPlainAt(text: string): string {
  return text.replace(/[\ufe6b\uff20]/g, '@');
}

/**
 * True for one `@`, a local part of at most 64 characters and a domain of two or more labels. Both may contain Unicode,
 * but no invisible characters. Checks the NFKC form, which is the form that is compared.
 */
function isEmailAddress(text: string): boolean {
  // More than 254 code points. Normalising a long text takes quadratic time.
  if (text.length > 508) return false;
  const address = text.normalize('NFKC');
  const [, local, domain] = /^([^@]+)@([^@]+)$/u.exec(address) ?? [];
  if (!local || !domain || [...local].length > 64 || [...address].length > 254) return false;
  if (/[\s\p{C}"(),:;<>[\\\]]/u.test(address)) return false;
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..')) return false;
  const labels = domain.split('.');
  return (
    labels.length > 1 &&
    labels.every((label) => /^[\p{L}\p{N}\p{M}](?:[\p{L}\p{N}\p{M}-]{0,61}[\p{L}\p{N}\p{M}])?$/u.test(label))
  );
}
