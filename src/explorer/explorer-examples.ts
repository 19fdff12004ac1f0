import * as externalIds from './explorer-external-ids';
import * as mutations from './explorer-mutations';
import * as phone from './explorer-phone';
import * as privacy from './explorer-privacy';
import * as queries from './explorer-queries';

/** An operation that the explorer opens in a tab. Without variables, the tab shows none. */
export interface ExplorerExample {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Examples about one topic, in neighbouring tabs. */
export interface ExplorerGroup {
  readonly title: string;
  readonly examples: readonly ExplorerExample[];
}

/** The user that all examples use. The first example creates it, and so does `user-service seed`. */
export const exampleUserId = '01900000-0000-7000-8000-000000000001';

const userId = exampleUserId;

/** One example for each query and mutation of the graph, in the order of the tabs. */
export const explorerGroups: readonly ExplorerGroup[] = [
  {
    title: 'Users',
    examples: [
      { query: mutations.createUser(userId) },
      {
        query: queries.users,
        variables: {
          filter: { status: ['ACTIVE'] },
          orderBy: { field: 'LAST_NAME', direction: 'ASC' },
          first: 20,
          after: null,
        },
      },
      { query: queries.user, variables: { id: userId } },
      { query: queries.me },
      { query: queries.userByEmail, variables: { email: 'ada@example.com' } },
    ],
  },
  {
    title: 'Account',
    examples: [
      {
        query: mutations.updateUser,
        variables: { input: { userId, displayName: 'Ada L.', phoneNumber: '+442071234567' } },
      },
      { query: mutations.deactivateUser, variables: { input: { userId, reason: 'USER_REQUESTED' } } },
      { query: mutations.reactivateUser, variables: { input: { userId } } },
    ],
  },
  {
    title: 'E-mail',
    examples: [
      { query: queries.userEmailPreferences, variables: { userId } },
      {
        query: mutations.updateEmailPreferences,
        variables: { input: { userId, newsletter: true, source: 'explorer' } },
      },
      { query: mutations.requestEmailVerification, variables: { input: { userId } } },
      { query: mutations.confirmEmail, variables: { input: { token: 'the token from the message' } } },
    ],
  },
  {
    title: 'Phone',
    examples: [
      { query: phone.requestPhoneVerification, variables: { input: { userId } } },
      { query: phone.confirmPhone, variables: { input: { userId, code: '123456' } } },
    ],
  },
  {
    title: 'Other systems',
    examples: [
      { query: externalIds.setExternalId, variables: { input: { userId, system: 'crm', id: 'C-10042' } } },
      { query: externalIds.userByExternalId, variables: { system: 'crm', id: 'C-10042' } },
      { query: externalIds.removeExternalId, variables: { input: { userId, system: 'crm' } } },
    ],
  },
  {
    title: 'Privacy',
    examples: [
      { query: privacy.exportUserData, variables: { input: { userId } } },
      { query: privacy.placeLegalHold, variables: { input: { userId, reason: 'an open dispute' } } },
      { query: privacy.releaseLegalHold, variables: { input: { userId, reason: 'the dispute is settled' } } },
      { query: privacy.eraseUser, variables: { input: { userId, dryRun: true } } },
      { query: privacy.cancelErasure, variables: { input: { userId } } },
      { query: privacy.erasure, variables: { id: 'the id of an erasure' } },
    ],
  },
  {
    title: 'Audit',
    examples: [
      { query: queries.auditTrail, variables: { userId, first: 20 } },
      { query: queries.profileAsOf, variables: { userId, at: '2026-01-01T00:00:00Z' } },
    ],
  },
];

/** All examples of the groups, in the order of the tabs. */
export const explorerExamples = examplesOf(explorerGroups);

/** Returns the examples of all groups, in the order of the tabs. */
export function examplesOf(groups: readonly ExplorerGroup[]): ExplorerExample[] {
  return groups.flatMap(({ examples }) => examples);
}
