import { randomBytes } from 'node:crypto';
import type { GraphQLResponse, TestApp } from './app';
import { leafFields } from './user-fields';

/** A valid `CreateUserInput` with a new e-mail address. */
export function buildUser(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  const unique = randomBytes(6).toString('hex');
  return { email: `ada.${unique}@example.com`, firstName: 'Ada', lastName: 'Lovelace', ...overrides };
}

/** Every field of `User` without arguments that staff may read. */
export const userFields = `
  ${leafFields.join(' ')} address { street city state postalCode country }
  emailVerification { status verifiedAt } phoneVerification { status verifiedAt }
  emailPreferences { userId marketing newsletter recommendations loyalty orderUpdates unsubscribedAt updatedAt }
  externalIds { system id }`;

const versioned = ['updateUser', 'deactivateUser', 'reactivateUser', 'setExternalId', 'removeExternalId'];
const erasureFields = 'id userId status requestedAt scheduledFor completedAt effects { store records }';
const successes: Record<string, string> = {
  updateEmailPreferences:
    'emailPreferences { userId marketing newsletter recommendations loyalty orderUpdates unsubscribedAt updatedAt }',
  exportUserData: 'export { generatedAt document }',
  eraseUser: `erasure { ${erasureFields} }`,
  cancelErasure: `erasure { ${erasureFields} }`,
  placeLegalHold: 'user { id }',
  releaseLegalHold: 'user { id }',
};
const validated = [
  'createUser',
  'requestPhoneVerification',
  'updateEmailPreferences',
  'eraseUser',
  'placeLegalHold',
  ...versioned,
];

function errorFields(mutation: string): string {
  return `
    ... on UserError { message }
    ${validated.includes(mutation) ? '... on InvalidInputError { fields { path code message } }' : ''}
    ${mutation === 'eraseUser' ? '... on LegalHoldError { heldSince }' : ''}
    ${versioned.includes(mutation) ? '... on VersionConflictError { currentVersion }' : ''}`;
}

/** Calls a mutation as staff, or with another token (null: none). Returns the union's member; throws GraphQL errors. */
export async function mutate(
  app: TestApp,
  mutation: string,
  input: Record<string, unknown>,
  token: string | null = app.staff,
): Promise<any> {
  const { data, errors } = await tryMutation(app, mutation, input, token);
  if (errors.length > 0) throw new Error(`${mutation} failed: ${JSON.stringify(errors)}`);
  return data[mutation];
}

/** Calls a mutation and returns the whole response, GraphQL errors included. */
export function tryMutation(
  app: TestApp,
  mutation: string,
  input: Record<string, unknown>,
  token: string | null = app.staff,
): Promise<GraphQLResponse> {
  const name = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}`;
  const success = successes[mutation] ?? `user { ${userFields} }`;
  const query = `mutation ($input: ${name}Input!) {
    ${mutation}(input: $input) { __typename ... on ${name}Success { ${success} } ${errorFields(mutation)} }
  }`;
  return app.graphql(query, { input }, { token: token ?? undefined });
}

/** Creates a user and returns it as staff read it. */
export async function createUser(app: TestApp, overrides: Record<string, unknown> = {}): Promise<any> {
  const result = await mutate(app, 'createUser', buildUser(overrides));
  if (result.__typename !== 'CreateUserSuccess')
    throw new Error(`createUser returned ${JSON.stringify(result)}`);
  return result.user;
}
