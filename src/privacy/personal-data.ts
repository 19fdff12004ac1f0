/** What a value tells of a person. */
export type DataClass = 'public' | 'contact' | 'identity' | 'behaviour' | 'technical';

/**
 * Who may read a value: everybody; the user and staff; staff; who erases and exports; auditors; the service itself
 * and its operators.
 */
export type Readers = 'everybody' | 'self' | 'staff' | 'officers' | 'auditors' | 'service';

/** One column. */
export interface PersonalColumn {
  readonly dataClass: DataClass;
  readonly readers: Readers;
  readonly purpose: string;
  /** The section and the name it has in an export, such as `profile.email`; without it, it is not exported. */
  readonly exportedAs?: string;
}

/** One table, and what becomes of it. */
export interface PersonalTable {
  /** SQL: which of its records are one user's ($1); null where records are nobody's. */
  readonly ofUser: string | null;
  /** When erasing a user removes the user's records; or why it does not. */
  readonly erasure: 'at once' | 'in batches' | { readonly kept: string };
  /** How long records stay when nobody is erased. */
  readonly retention: string;
  readonly columns: Readonly<Record<string, PersonalColumn>>;
}

/** Writes a column down in one line. */
export function column(
  dataClass: DataClass,
  readers: Readers,
  purpose: string,
  exportedAs?: string,
): PersonalColumn {
  return { dataClass, readers, purpose, ...(exportedAs === undefined ? {} : { exportedAs }) };
}

export const mine = 'user_id = $1::uuid';
export const whileUserIsThere = 'as long as the user';
