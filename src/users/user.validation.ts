import type { PostalAddress } from './user.entity';
import { type FieldProblem, type FieldProblemCode, InvalidInputError } from './user.errors';

/** An address as a caller sends it. */
export type AddressInput = { [K in keyof PostalAddress]?: string | null | undefined };

/** Collects what is wrong with an input, so that every wrong field is named at once. */
export class InputReader {
  private readonly problems: FieldProblem[] = [];

  problem(path: string, code: FieldProblemCode, message: string): void {
    this.problems.push({ path, code, message });
  }

  /** @throws InvalidInputError when anything read so far was wrong. */
  finish(): void {
    if (this.problems.length > 0) throw new InvalidInputError(this.problems);
  }

  /** Text that must be there: trimmed, measured in code points, without control characters. */
  required(path: string, value: string | null | undefined, minimum: number, maximum: number): string {
    const text = this.optional(path, value, minimum, maximum);
    if (text === null) this.problem(path, 'REQUIRED', 'must not be empty');
    return text ?? '';
  }

  /** As `required`, but blank and null are both "not given". */
  optional(path: string, value: string | null | undefined, minimum: number, maximum: number): string | null {
    const text = value?.trim() ?? '';
    if (text === '') return null;
    const length = [...text].length;
    if (length < minimum) this.problem(path, 'TOO_SHORT', `must have at least ${minimum} characters`);
    if (length > maximum) this.problem(path, 'TOO_LONG', `must have at most ${maximum} characters`);
    if (/[\p{Cc}\p{Cs}]/u.test(text)) {
      this.problem(path, 'CONTROL_CHARACTERS', 'must not contain control characters');
    }
    return text;
  }

  email(path: string, value: string | null | undefined): string {
    const text = this.required(path, value, 1, 254);
    if (text !== '' && !isEmailAddress(text))
      this.problem(path, 'INVALID_FORMAT', 'must be an e-mail address');
    return text;
  }

  /** E.164, the plus sign optional; answered with it. */
  phoneNumber(path: string, value: string | null | undefined): string | null {
    const text = this.optional(path, value, 1, 100);
    if (text === null) return null;
    if (!/^\+?[1-9]\d{1,14}$/.test(text))
      this.problem(path, 'INVALID_FORMAT', 'must be in E.164 form, as +14155550100');
    return text.startsWith('+') ? text : `+${text}`;
  }

  /** A BCP 47 tag, answered in its canonical case. */
  locale(path: string, value: string | null | undefined): string | null {
    const text = this.optional(path, value, 1, 100);
    if (text === null) return null;
    try {
      return Intl.getCanonicalLocales(text)[0] ?? null;
    } catch {
      this.problem(path, 'INVALID_FORMAT', 'must be a BCP 47 language tag, as en-GB');
      return null;
    }
  }

  /** An IANA name, answered in its usual case. An alias stays what it is. */
  timeZone(path: string, value: string | null | undefined): string | null {
    const text = this.optional(path, value, 1, 100);
    if (text === null) return null;
    const name = timeZoneName(text);
    if (name === null)
      this.problem(path, 'INVALID_FORMAT', 'must be an IANA time zone name, as Europe/Berlin');
    return name;
  }

  /** The whole address; null when nothing of it is given. */
  address(path: string, value: AddressInput | null | undefined): PostalAddress | null {
    if (!value) return null;
    const address: PostalAddress = {
      street: this.optional(`${path}.street`, value.street, 1, 100),
      city: this.optional(`${path}.city`, value.city, 1, 50),
      state: this.optional(`${path}.state`, value.state, 1, 50),
      postalCode: this.optional(`${path}.postalCode`, value.postalCode, 1, 20),
      country: this.optional(`${path}.country`, value.country, 1, 50),
    };
    return Object.values(address).every((part) => part === null) ? null : address;
  }

  /** Only checked: what rests of a key is a digest. */
  idempotencyKey(value: string | null | undefined): void {
    this.optional('idempotencyKey', value, 1, 200);
  }

  /** A password is never trimmed, changed or quoted; its rules beyond the length are the AuthenticationService's. */
  password(path: string, value: string | null | undefined, isAvailable: boolean): string | null {
    if (value === null || value === undefined) return null;
    if ([...value].length < 8) this.problem(path, 'TOO_SHORT', 'must have at least 8 characters');
    else if (!isAvailable)
      this.problem(path, 'NOT_AVAILABLE', 'cannot be set: no AuthenticationService is configured');
    return value;
  }
}

/**
 * One `@`, a local part of at most 64 characters, a domain of two or more labels; Unicode is allowed in both, but
 * nothing invisible. Judged in the form in which addresses are compared.
 */
function isEmailAddress(text: string): boolean {
  // 254 code points; normalising a long text takes quadratic time.
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

function timeZoneName(text: string): string | null {
  // Newer engines also take offsets such as +01:00, which are no IANA names.
  if (!/^[A-Za-z]/.test(text)) return null;
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions();
    return timeZone.toLowerCase() === text.toLowerCase() ? timeZone : text;
  } catch {
    return null;
  }
}
