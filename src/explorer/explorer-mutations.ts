// Without variables: GraphiQL does not show the variables of the tab that opens first.
export const createUser = (
  userId: string,
): string => `# Makes a user. Needs users:write. Without userId it gets
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

export const updateUser = `# Left out = unchanged, null = cleared.
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

export const deactivateUser = `# Doing it twice is a success with one effect.
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

export const reactivateUser = `# Brings a deactivated user back. Needs users:write.
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

export const updateEmailPreferences = `# "source" is where the person said so.
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

export const requestEmailVerification = `# Sends a confirmation token to the address that waits for one.
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

export const confirmEmail = `# Whoever holds the token may confirm. It works once.
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
