export const users = `# A page of users. Needs users:read.
# For the next page, put endCursor into "after".
query Users($filter: UserFilter, $first: Int, $after: String) {
  users(filter: $filter, first: $first, after: $after) {
    nodes {
      id
      displayName
      status
      email
      createdAt
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`;

export const user = `# One user, and what happened to it, newest first.
# Without users:read only the public fields answer.
query User($id: ID!) {
  user(id: $id) {
    id
    displayName
    status
    firstName
    lastName
    address {
      street
      city
      postalCode
      country
    }
    version
    history(first: 10) {
      nodes {
        type
        occurredAt
        summary
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
`;

export const me = `# The user of the token: its "sub" is a user's id.
query Me {
  me {
    id
    displayName
    status
    email
    pendingEmail
    emailVerification {
      status
      verifiedAt
    }
    emailPreferences {
      newsletter
      orderUpdates
    }
  }
}
`;

export const userByEmail = `# Whose address is this? Needs users:read.
query UserByEmail($email: String!) {
  userByEmail(email: $email) {
    id
    displayName
    status
    email
  }
}
`;

export const userEmailPreferences = `# What this user wants to be written about.
query EmailPreferences($userId: ID!) {
  userEmailPreferences(userId: $userId) {
    marketing
    newsletter
    recommendations
    loyalty
    orderUpdates
    unsubscribedAt
    updatedAt
  }
}
`;

export const auditTrail = `# Who changed this user's data? Needs users:audit.
query AuditTrail($userId: ID!, $first: Int) {
  auditTrail(userId: $userId, first: $first) {
    nodes {
      at
      actor
      action
      fields
      reason
    }
    pageInfo {
      endCursor
      hasNextPage
    }
  }
}
`;
