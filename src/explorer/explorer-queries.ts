export const users = `# Lists users. Requires users:read.
# For the next page, pass endCursor as "after".
query Users($filter: UserFilter, $orderBy: UserOrder, $first: Int, $after: String) {
  users(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
    totalCount
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

export const user = `# A user and their history, newest first.
# Without users:read only the public fields are returned.
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

export const me = `# The user whose id is the "sub" of the access token.
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

export const userByEmail = `# Finds a user by e-mail address. Requires users:read.
query UserByEmail($email: String!) {
  userByEmail(email: $email) {
    id
    displayName
    status
    email
  }
}
`;

export const userEmailPreferences = `# The e-mail topics that the user allows.
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

export const auditTrail = `# Who changed and who read the user's data. Requires users:audit.
query AuditTrail($userId: ID!, $first: Int) {
  auditTrail(userId: $userId, first: $first) {
    nodes {
      at
      actor
      action
      fields
      reason
      changes {
        field
        before
        after
      }
    }
    pageInfo {
      endCursor
      hasNextPage
    }
  }
}
`;

export const profileAsOf = `# The user's profile as it was at a time. Requires users:audit.
query ProfileAsOf($userId: ID!, $at: DateTime!) {
  profileAsOf(userId: $userId, at: $at) {
    email
    firstName
    lastName
    status
    version
  }
}
`;
