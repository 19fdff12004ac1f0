/**
 * The kind of a value: `contact` reaches a person, `identity` says who they are, `behaviour` what they did or decided,
 * `technical` serves the service, `public` is for anyone.
 */
export type DataClass = 'public' | 'contact' | 'identity' | 'behaviour' | 'technical';

/**
 * Who may read a value: anyone; the user and staff; staff; officers, who erase and export (`users:privacy`); auditors;
 * the service itself and its operators.
 */
export type Readers = 'anyone' | 'self' | 'staff' | 'officers' | 'auditors' | 'service';

/** A column of a table. */
export interface PersonalColumn {
  readonly dataClass: DataClass;
  readonly readers: Readers;
  readonly purpose: string;
  /** Section and name in an export, such as `profile.email`. Not exported if absent. */
  readonly exportedAs?: string;
  /** SQL for the exported value of user `$1`; defaults to the column. */
  readonly exportedValue?: string;
}

/** A setting for the days after which records expire. Without it they never expire. */
export type DaysSetting =
  | 'RETENTION_DEACTIVATED_DAYS'
  | 'RETENTION_HISTORY_DAYS'
  | 'PARKED_RETENTION_DAYS'
  | 'OUTBOX_RETENTION_DAYS'
  | 'WAITING_DAYS';

/**
 * What happens to expired records. `erased`: the user is erased with all data. `summed up`: they are deleted, but stay
 * counted in the user's summary. `withdrawn`: they are deleted with the call that requested them. `parked`: they are
 * kept for operators.
 */
export type ExpiryAction = 'deleted' | 'erased' | 'summed up' | 'withdrawn' | 'parked';

/** A rule by which records of a table expire, without an erasure. */
export interface Expiry {
  /** Name of the records in counts and metrics. */
  readonly name: string;
  /** SQL condition for the records. Without it the rule applies to all records of the table. */
  readonly which?: string;
  /** The column that the days count from, by PostgreSQL's clock. */
  readonly since: string;
  readonly days: number | DaysSetting;
  readonly action: ExpiryAction;
}

/** A table, and what erasure and retention do with its records. */
export interface PersonalTable {
  /** SQL condition for the records of user `$1`, or null if the records are of no user. */
  readonly ofUser: string | null;
  /** When an erasure deletes the user's records, or why it keeps them. */
  readonly erasure: 'immediately' | 'in batches' | { readonly kept: string };
  /** Which of the user's records an erasure does not delete: it assigns these values instead. Both are SQL. */
  readonly emptied?: { readonly which: string; readonly assignments: string };
  /** What stays in `erased_events` of a record that an erasure deletes. Both are SQL. */
  readonly remembered?: { readonly source: string; readonly eventId: string };
  /** The rules by which records expire, or until when they stay if no number of days decides. */
  readonly retention: readonly Expiry[] | { readonly stays: string };
  readonly columns: Readonly<Record<string, PersonalColumn>>;
}

/** A field of a message. Its readers, export and retention are those of its columns and of the message's tables. */
export interface PersonalField<Column extends string = string> {
  readonly dataClass: DataClass;
  readonly purpose: string;
  /** Columns (`table.column`) that the value is read from, or stored in once consumed. Empty if no column holds it. */
  readonly columns: readonly Column[];
  /** True for a secret, which the outbox drops once the message is published. `republish` leaves the message out. */
  readonly isSecret?: true;
}

/** A published or consumed message. */
export interface PersonalMessage<Column extends string = string> {
  /** The broker's permissions decide who may read from it. */
  readonly exchange: string;
  /** Tables that store the whole message until it is published or folded. Their retention applies to it. */
  readonly storedIn: readonly string[];
  /** True for messages that the outbox deletes once they are published. `republish` leaves them out. */
  readonly isDeletedOncePublished?: true;
  readonly fields: Readonly<Record<string, PersonalField<Column>>>;
}

/** Stored messages that an erasure of their user keeps, and why. */
export const keptMessages: Readonly<Record<string, string>> = {
  UserErased: 'announces the erasure, by an id only',
  UserDataAccessed: 'evidence, without values',
  UserDataChanged: 'evidence, without values',
  AuditSealed: 'of no user',
};

/** Describes a column in one line. */
export function column(dataClass: DataClass, readers: Readers, purpose: string): PersonalColumn {
  return { dataClass, readers, purpose };
}

/** Describes a column that is exported under this section and name; `exportedValue` is SQL for user `$1`. */
export function exported(exportedAs: string, it: PersonalColumn, exportedValue?: string): PersonalColumn {
  return { ...it, exportedAs, ...(exportedValue === undefined ? {} : { exportedValue }) };
}

export const byUserId = 'user_id = $1::uuid';
export const whileUserExists = { stays: 'as long as the user exists' } as const;
export const permanent = { stays: 'permanently' } as const;
