import { isDeepStrictEqual } from 'node:util';
import type { ChangedValues } from './audit-values';

/** What a change made of a field. Parts of an address have dotted names, such as `address.city`. */
export interface AuditChange {
  readonly field: string;
  /** null where nothing was. */
  readonly before: unknown;
  readonly after: unknown;
}

/** Returns the changed fields of an entry, by name; none for a repeated decision about e-mail. */
export function changesOf({ before, after }: ChangedValues): AuditChange[] {
  return namesIn(before, after)
    .flatMap((field) => changesOfField(field, before?.[field], after?.[field]))
    .filter((change) => !isDeepStrictEqual(change.before, change.after));
}

function changesOfField(field: string, before: unknown, after: unknown): AuditChange[] {
  if (!isRecord(before) && !isRecord(after)) return [{ field, before: before ?? null, after: after ?? null }];
  const parts = [before, after].map((value) => (isRecord(value) ? value : null));
  return namesIn(...parts).map((part) => ({
    field: `${field}.${part}`,
    before: parts[0]?.[part] ?? null,
    after: parts[1]?.[part] ?? null,
  }));
}

function namesIn(...records: readonly (Readonly<Record<string, unknown>> | null)[]): string[] {
  return [...new Set(records.flatMap((it) => Object.keys(it ?? {})))].sort();
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
