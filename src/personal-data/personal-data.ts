/** What a value tells of a person. */
export type DataClass = 'public' | 'contact' | 'identity' | 'behaviour' | 'technical';

/**
 * Who may read a value: everybody; the user and staff; staff; who erases and exports; auditors; the service itself
 * and its operators.
 */
export type Readers = 'anyone' | 'self' | 'staff' | 'officers' | 'auditors' | 'service';

/** One column. */
export interface PersonalColumn {
  readonly dataClass: DataClass;
  readonly readers: Readers;
  readonly purpose: string;
  /** The section and the name it has in an export, such as `profile.email`; without it, it is not exported. */
  readonly exportedAs?: string;
}

/** A setting that says how many days something has; without a value it stays. */
export type DaysSetting =
  | 'RETENTION_DEACTIVATED_DAYS'
  | 'RETENTION_HISTORY_DAYS'
  | 'OUTBOX_RETENTION_DAYS'
  | 'WAITING_DAYS';

/**
 * What becomes of records that have had their time: deleted; the user is erased with all there is; deleted, while what
 * they add up to stays; deleted with the call that asked for them; kept for an operator to look at.
 */
export type ExpiryAction = 'deleted' | 'erased' | 'summed up' | 'withdrawn' | 'parked';

/** Records that have their time, although nobody is erased. */
export interface Expiry {
  /** What they are called where they are counted. */
  readonly name: string;
  /** SQL: which of the table's records; all of them without it. */
  readonly which?: string;
  /** The column that their time counts from, by the database's clock. */
  readonly since: string;
  readonly days: number | DaysSetting;
  readonly action: ExpiryAction;
}

/** One table, and what becomes of it. */
export interface PersonalTable {
  /** SQL: which of its records are one user's ($1); null where records are nobody's. */
  readonly ofUser: string | null;
  /** When erasing a user removes the user's records; or why it does not. */
  readonly erasure: 'immediately' | 'in batches' | { readonly kept: string };
  /** Which records have their time when nobody is erased; or until when they stay, if it is not time that decides. */
  readonly retention: readonly Expiry[] | { readonly stays: string };
  readonly columns: Readonly<Record<string, PersonalColumn>>;
}

/** One field of a message. What else the map says of it follows from the tables it is in. */
export interface PersonalField<Column extends string = string> {
  readonly dataClass: DataClass;
  readonly purpose: string;
  /** The columns (`table.column`) that the value is told from, or kept in once it is read; none: nothing else has it. */
  readonly columns: readonly Column[];
}

/** One message, out or in. */
export interface PersonalMessage<Column extends string = string> {
  /** Where it goes; the broker's permissions decide who may read there. */
  readonly exchange: string;
  /** The tables that it rests in as a whole, on its way out or until it can be folded: they decide how long. */
  readonly storedIn: readonly string[];
  readonly fields: Readonly<Record<string, PersonalField<Column>>>;
}

/** Messages that stay where they rest although their user is erased, and why. */
export const keptMessages: Readonly<Record<string, string>> = {
  UserErased: 'it tells of the erasure, by an id',
  UserDataAccessed: 'evidence, without values',
  UserDataChanged: 'evidence, without values',
  AuditSealed: 'nobody’s',
};

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
export const whileUserIsThere = { stays: 'as long as the user' } as const;
export const permanent = { stays: 'permanently' } as const;
