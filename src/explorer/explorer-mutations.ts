import { type ExplorerExample, exampleUserId as userId } from './explorer-example';

// Without variables: GraphiQL does not show those of the tab it opens with.
const createUser = `# Makes a user. Needs users:write. Without userId it gets
# an id of its own. The other tabs are about this user.
mutation CreateUser {
  createUser(
    input: {
      userId: "${userId}"
      email: "ada@example.com"
      firstName: "Ada"
      lastName: "Lovelace"
      displayName: "Ada"
      locale: "en-GB"
    }
  ) {
    __typename
    ... on CreateUserSuccess {
      user {
        id
        status
        version
        createdAt
      }
    }
    ... on InvalidInputError {
      fields {
        path
        code
        message
      }
    }
    ... on UserError {
      message
    }
  }
}
`;

const updateUser = `# Left out = unchanged, null = cleared.
# A new email waits in pendingEmail until it is confirmed.
mutation UpdateUser($input: UpdateUserInput!) {
  updateUser(input: $input) {
    __typename
    ... on UpdateUserSuccess {
      user {
        id
        displayName
        phoneNumber
        version
      }
    }
    ... on InvalidInputError {
      fields {
        path
        code
        message
      }
    }
    ... on VersionConflictError {
      currentVersion
    }
    ... on UserError {
      message
    }
  }
}
`;

const deactivateUser = `# Doing it twice is a success with one effect.
mutation DeactivateUser($input: DeactivateUserInput!) {
  deactivateUser(input: $input) {
    __typename
    ... on DeactivateUserSuccess {
      user {
        id
        status
        statusReason
        statusChangedAt
        version
      }
    }
    ... on UserError {
      message
    }
  }
}
`;

const reactivateUser = `# Brings a deactivated user back. Needs users:write.
mutation ReactivateUser($input: ReactivateUserInput!) {
  reactivateUser(input: $input) {
    __typename
    ... on ReactivateUserSuccess {
      user {
        id
        status
        version
      }
    }
    ... on UserError {
      message
    }
  }
}
`;

const updateEmailPreferences = `# "source" is where the person said so.
mutation SetEmailPreferences($input: UpdateEmailPreferencesInput!) {
  updateEmailPreferences(input: $input) {
    __typename
    ... on UpdateEmailPreferencesSuccess {
      emailPreferences {
        newsletter
        orderUpdates
        unsubscribedAt
        updatedAt
      }
    }
    ... on UserError {
      message
    }
  }
}
`;

const requestEmailVerification = `# Sends a confirmation token to the address that waits for one.
mutation VerifyEmail($input: RequestEmailVerificationInput!) {
  requestEmailVerification(input: $input) {
    __typename
    ... on RequestEmailVerificationSuccess {
      user {
        id
        pendingEmail
        emailVerification {
          status
        }
      }
    }
    ... on UserError {
      message
    }
  }
}
`;

const confirmEmail = `# Whoever holds the token may confirm. It works once.
mutation ConfirmEmail($input: ConfirmEmailInput!) {
  confirmEmail(input: $input) {
    __typename
    ... on ConfirmEmailSuccess {
      user {
        id
        email
        emailVerification {
          status
          verifiedAt
        }
      }
    }
    ... on UserError {
      message
    }
  }
}
`;

/** An operation for every mutation of the graph, in the order of a user's life. */
export const explorerMutations: readonly ExplorerExample[] = [
  { query: createUser },
  {
    query: updateUser,
    variables: { input: { userId, displayName: 'Ada L.', phoneNumber: '+442071234567' } },
  },
  { query: deactivateUser, variables: { input: { userId, reason: 'USER_REQUESTED' } } },
  { query: reactivateUser, variables: { input: { userId } } },
  { query: updateEmailPreferences, variables: { input: { userId, newsletter: true, source: 'explorer' } } },
  { query: requestEmailVerification, variables: { input: { userId } } },
  { query: confirmEmail, variables: { input: { token: 'the token from the message' } } },
];
