import { personalDataMap } from '../personal-data/personal-data-map';
import { personalDataOfEvents } from '../personal-data/personal-data-of-events';

/** The sections of an export: the order of rows, and whether a user has at most one. */
const shapes: Readonly<Record<string, { readonly order: readonly string[]; readonly single?: true }>> = {
  profile: { order: ['id'], single: true },
  emailPreferences: { order: ['id'], single: true },
  activity: { order: ['user_id'], single: true },
  inactivity: { order: ['user_id'], single: true },
  consents: { order: ['decided_at', 'id'] },
  verifications: { order: ['issued_at', 'id'] },
  phoneVerifications: { order: ['issued_at', 'id'] },
  history: { order: ['occurred_at', 'id'] },
  commerce: { order: ['user_id'], single: true },
  spending: { order: ['currency'] },
  orders: { order: ['order_id'] },
  cancelledOrders: { order: ['order_id'] },
  scheduledErasures: { order: ['requested_at', 'id'] },
  accesses: { order: ['at', 'id'] },
};

/** A section of an export: values from one table, as SQL by exported name. */
export interface ExportedSection {
  readonly name: string;
  readonly table: string;
  readonly ofUser: string;
  /** Columns that identify a row of the user. */
  readonly order: readonly string[];
  readonly single: boolean;
  readonly values: Readonly<Record<string, string>>;
}

/** All sections that are read from tables, by the map of personal data. */
export const exportedSections: readonly ExportedSection[] = Object.entries(shapes).map(
  ([name, { order, single = false }]) => {
    const exported = Object.entries(personalDataMap).flatMap(([table, { ofUser, columns }]) =>
      Object.entries(columns).flatMap(([column, { exportedAs, exportedValue }]) => {
        const [section, as] = exportedAs?.split('.') ?? [];
        const value = exportedValue ?? `${table}.${column}`;
        return section === name && as && ofUser ? [{ table, ofUser, value, as }] : [];
      }),
    );
    const [first] = exported;
    if (!first) throw new Error(`the map of personal data exports no column as ${name}`);
    const values = Object.fromEntries(exported.map(({ as, value }) => [as, value]));
    return { name, table: first.table, ofUser: first.ofUser, order, single, values };
  },
);

/** Lists the personal fields of each message on `user.events`, by the map of personal data. */
function publishedFields(): string {
  const messages = Object.entries(personalDataOfEvents).flatMap(([type, { exchange, fields }]) => {
    const personal = Object.entries(fields).filter(
      ([name, { dataClass }]) => name !== 'userId' && dataClass !== 'technical',
    );
    return exchange === 'user.events' && personal.length > 0
      ? [`${personal.map(([name]) => name).join(', ')} in ${type}`]
      : [];
  });
  return messages.join('; ');
}

/** The recipients of personal data, for the export. */
export const recipients = [
  {
    name: 'AuthenticationService',
    receives: 'the id and e-mail address of accounts with a password, and the account’s status',
  },
  {
    name: 'NotificationService',
    receives: 'e-mail preferences, and addresses and phone numbers that need confirmation',
  },
  { name: 'AuditService', receives: 'who read or changed which fields, without values' },
  {
    name: 'subscribers of user.events',
    receives: `the id, and ${publishedFields()}`,
  },
] as const;
