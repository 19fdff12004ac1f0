export const setExternalId = `# Replaces the ID that the user had in the system. Requires users:write.
mutation SetExternalId($input: SetExternalIdInput!) {
  setExternalId(input: $input) {
    __typename
    ... on SetExternalIdSuccess {
      user {
        id
        version
        externalIds {
          system
          id
        }
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

export const userByExternalId = `# Finds a user by the ID in another system. Requires users:read.
query UserByExternalId($system: String!, $id: String!) {
  userByExternalId(system: $system, id: $id) {
    id
    email
    externalIds {
      system
      id
    }
  }
}
`;

export const removeExternalId = `# Removes the ID that the user has in a system. Requires users:write.
mutation RemoveExternalId($input: RemoveExternalIdInput!) {
  removeExternalId(input: $input) {
    __typename
    ... on RemoveExternalIdSuccess {
      user {
        id
        version
        externalIds {
          system
          id
        }
      }
    }
    ... on UserError {
      message
    }
  }
}
`;
