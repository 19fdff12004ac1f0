export const exportUserData = `# Everything stored about a user. For the user, or with users:privacy.
mutation ExportData($input: ExportUserDataInput!) {
  exportUserData(input: $input) {
    __typename
    ... on ExportUserDataSuccess {
      export {
        generatedAt
        document
      }
    }
    ... on UserError {
      message
    }
  }
}
`;

export const eraseUser = `# dryRun returns the plan only. Erasure is permanent. Requires users:privacy.
mutation EraseUser($input: EraseUserInput!) {
  eraseUser(input: $input) {
    __typename
    ... on EraseUserSuccess {
      erasure {
        id
        status
        scheduledFor
        effects {
          store
          records
        }
      }
    }
    ... on LegalHoldError {
      heldSince
    }
    ... on UserError {
      message
    }
  }
}
`;

export const erasure = `# The progress of an erasure. Requires users:privacy.
query Erasure($id: ID!) {
  erasure(id: $id) {
    userId
    status
    requestedAt
    scheduledFor
    completedAt
    effects {
      store
      records
    }
  }
}
`;

export const cancelErasure = `# Cancels a scheduled erasure. For the user, or with users:privacy.
mutation CancelErasure($input: CancelErasureInput!) {
  cancelErasure(input: $input) {
    __typename
    ... on CancelErasureSuccess {
      erasure {
        id
        status
      }
    }
    ... on UserError {
      message
    }
  }
}
`;

export const placeLegalHold = `# Protects the data from erasure and retention. Requires users:privacy.
mutation PlaceLegalHold($input: PlaceLegalHoldInput!) {
  placeLegalHold(input: $input) {
    __typename
    ... on UserError {
      message
    }
  }
}
`;

export const releaseLegalHold = `# Ends a legal hold. Requires users:privacy.
mutation ReleaseLegalHold($input: ReleaseLegalHoldInput!) {
  releaseLegalHold(input: $input) {
    __typename
    ... on UserError {
      message
    }
  }
}
`;
