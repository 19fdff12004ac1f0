export const requestPhoneVerification = `# Sends a code to the phone number of the user.
mutation VerifyPhone($input: RequestPhoneVerificationInput!) {
  requestPhoneVerification(input: $input) {
    __typename
    ... on RequestPhoneVerificationSuccess {
      user {
        id
        phoneNumber
        phoneVerification {
          status
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

export const confirmPhone = `# The code from the message works once, for 10 minutes and five tries.
mutation ConfirmPhone($input: ConfirmPhoneInput!) {
  confirmPhone(input: $input) {
    __typename
    ... on ConfirmPhoneSuccess {
      user {
        id
        phoneVerification {
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
