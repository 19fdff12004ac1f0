export const exportUserData = `# Everything that is stored about a user: for the user and users:privacy.
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

export const eraseUser = `# With dryRun: the plan. Without: for ever. Needs users:privacy.
mutation EraseUser($input: EraseUserInput!) {
  eraseUser(input: $input) {
    __typename
    ... on EraseUserSuccess {
      erasure {
        id
        status
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

export const erasure = `# How far an erasure has come. Needs users:privacy.
query Erasure($id: ID!) {
  erasure(id: $id) {
    userId
    status
    requestedAt
    completedAt
    effects {
      store
      records
    }
  }
}
`;

export const placeLegalHold = `# Keeps the data from erasure and retention. Needs users:privacy.
mutation PlaceLegalHold($input: PlaceLegalHoldInput!) {
  placeLegalHold(input: $input) {
    __typename
    ... on UserError {
      message
    }
  }
}
`;

export const releaseLegalHold = `# Ends a legal hold. Needs users:privacy.
mutation ReleaseLegalHold($input: ReleaseLegalHoldInput!) {
  releaseLegalHold(input: $input) {
    __typename
    ... on UserError {
      message
    }
  }
}
`;
