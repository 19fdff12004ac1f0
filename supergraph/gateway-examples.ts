import { type ExplorerGroup, exampleUserId } from '../src/explorer/explorer-examples';

const userId = exampleUserId;

// Without variables: GraphiQL does not show the variables of the tab that opens first.
const userPage = `# A page about a user. The profile comes from users, the rest from reviews and orders.
query UserPage {
  user(id: "${userId}") {
    id
    displayName
    status
    email
    reviews {
      stars
      body
    }
    orders {
      id
      status
      total {
        amount
        currency
      }
    }
  }
}
`;

const topReviews = `# Reviews with their authors. An erased author has the status UNKNOWN and no name.
query TopReviews($first: Int) {
  topReviews(first: $first) {
    stars
    body
    author {
      id
      displayName
      status
      orders {
        id
      }
    }
  }
}
`;

const mine = `# The caller's own page. Call as Ada, a customer.
query Mine {
  me {
    displayName
    emailPreferences {
      newsletter
    }
    reviews {
      body
    }
    orders {
      placedAt
      status
    }
  }
}
`;

const placeOrder = `# The orders service publishes OrderPlaced. Then run AfterTheOrder.
mutation PlaceOrder($userId: ID!) {
  placeOrder(userId: $userId, amount: "19.90", currency: "EUR") {
    id
    status
    placedAt
  }
}
`;

const afterTheOrder = `# What the User Service has folded from the events of the orders service.
query AfterTheOrder($id: ID!) {
  user(id: $id) {
    orders {
      id
      status
    }
    commerce {
      orderCount
      spent {
        amount
        currency
      }
    }
    history(first: 5) {
      nodes {
        type
        occurredAt
        summary
      }
    }
  }
}
`;

const cancelOrder = `# The orders service publishes OrderCancelled. Then run AfterTheOrder.
mutation CancelOrder($id: ID!) {
  cancelOrder(id: $id) {
    id
    status
  }
}
`;

const forget = `# Erases the author of a review. Then run TopReviews: the review stays. Call as Privacy officer.
mutation Forget($input: EraseUserInput!) {
  eraseUser(input: $input) {
    __typename
    ... on EraseUserSuccess {
      erasure {
        status
        effects {
          store
          records
        }
      }
    }
    ... on UserError {
      message
    }
  }
}
`;

/** The examples of the gateway's explorer, which cross the subgraphs. */
export const gatewayExamples: readonly ExplorerGroup[] = [
  {
    title: 'Across services',
    examples: [{ query: userPage }, { query: topReviews, variables: { first: 10 } }, { query: mine }],
  },
  {
    title: 'Orders',
    examples: [
      { query: placeOrder, variables: { userId } },
      { query: afterTheOrder, variables: { id: userId } },
      { query: cancelOrder, variables: { id: 'order-0' } },
    ],
  },
  {
    title: 'Erasure',
    examples: [{ query: forget, variables: { input: { userId, dryRun: true } } }],
  },
];
