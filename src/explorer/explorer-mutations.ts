// Without variables: GraphiQL does not show the variables of the tab that opens first.
export const createUser = (
  userId: string,
): string => `# Creates the user of the other tabs. Requires users:write.
# Without userId the service generates an id.
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

export const updateUser = `# Omitted fields are unchanged, null clears a field.
# A new email is stored as pendingEmail until it is confirmed.
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

export const deactivateUser = `# Deactivating a deactivated user succeeds and changes nothing.
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

export const reactivateUser = `# Reactivates a deactivated user. Requires users:write.
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

export const updateEmailPreferences = `# "source" says where the user made the choice.
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

export const requestEmailVerification = `# Sends a confirmation token to the pending address, else to the current one.
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

export const confirmEmail = `# The token is enough: no access token is required. It works once.
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
