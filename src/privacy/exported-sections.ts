import { personalDataMap } from '../personal-data/personal-data-map';
import { personalDataOfEvents } from '../personal-data/personal-data-of-events';

/** How the rows of a part of an export are ordered, and whether a user has one of them at most. */
const shapes: Readonly<Record<string, { readonly order: string; readonly single?: true }>> = {
  profile: { order: 'id', single: true },
  emailPreferences: { order: 'id', single: true },
  consents: { order: 'decided_at, id' },
  verifications: { order: 'issued_at, id' },
  history: { order: 'occurred_at, id' },
  commerce: { order: 'user_id', single: true },
  spending: { order: 'currency' },
  orders: { order: 'order_id' },
  accesses: { order: 'at, id' },
};

/** A part of an export: which columns of which table, under which names. */
export interface ExportedSection {
  readonly name: string;
  readonly table: string;
  readonly ofUser: string;
  readonly order: string;
  readonly single: boolean;
  readonly columns: Readonly<Record<string, string>>;
}

/** Every part of an export that is read from a table, as the map of personal data has it. */
export const exportedSections: readonly ExportedSection[] = Object.entries(shapes).map(
  ([name, { order, single = false }]) => {
    const exported = Object.entries(personalDataMap).flatMap(([table, { ofUser, columns }]) =>
      Object.entries(columns).flatMap(([column, { exportedAs }]) => {
        const [section, as] = exportedAs?.split('.') ?? [];
        return section === name && as && ofUser ? [{ table, ofUser, column, as }] : [];
      }),
    );
    const [first] = exported;
    if (!first) throw new Error(`the map of personal data has nothing for ${name}`);
    const columns = Object.fromEntries(exported.map(({ as, column }) => [as, column]));
    return { name, table: first.table, ofUser: first.ofUser, order, single, columns };
  },
);

/** What tells of a person in each message, as the map of personal data has it. */
function toldOnUserEvents(): string {
  const messages = Object.entries(personalDataOfEvents).flatMap(([type, { exchange, fields }]) => {
    const told = Object.entries(fields).filter(
      ([name, { dataClass }]) => name !== 'userId' && dataClass !== 'technical',
    );
    return exchange === 'user.events' && told.length > 0
      ? [`${told.map(([name]) => name).join(', ')} in ${type}`]
      : [];
  });
  return messages.join('; ');
}

/** Who gets data of users from this service, and which. */
export const recipients = [
  {
    name: 'AuthenticationService',
    receives: 'the id and e-mail address of accounts with a password, and the account’s status',
  },
  { name: 'NotificationService', receives: 'e-mail preferences, and addresses that are to be confirmed' },
  { name: 'AuditService', receives: 'who read or changed which fields, without values' },
  {
    name: 'subscribers of user.events',
    receives: `the id, and ${toldOnUserEvents()}`,
  },
] as const;
