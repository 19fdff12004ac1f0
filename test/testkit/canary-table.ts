import { freeTexts } from './user-fields';

/**
 * Texts about a user that can reach the service: the value, where it enters, and the stores that may contain it as it
 * was sent until the user is erased. Values without a store are encrypted, digested, encoded or discarded.
 * Values of invalid messages are sent again after the erasure, when no store may contain them.
 */
const table = `
  value                                  | enters by              | stores
  address.street                         | createUser             | database redis
  address.city                           | createUser             | database redis
  address.state                          | createUser             | database redis
  address.postalCode                     | createUser             | database redis
  address.country                        | createUser             | database redis
  email                                  | createUser             | database redis
  external system                        | createUser             | database redis
  external id                            | createUser             | database redis
  idempotencyKey                         | createUser             |
  pending email                          | updateUser             | database redis
  invalid firstName                      | updateUser             |
  invalid phoneNumber                    | updateUser             |
  invalid locale                         | updateUser             |
  invalid timeZone                       | updateUser             |
  source                                 | updateEmailPreferences | database
  wordingVersion                         | updateEmailPreferences | database
  invalid wordingVersion                 | updateEmailPreferences |
  deactivation notes                     | deactivateUser         | database
  reactivation notes                     | reactivateUser         | database redis
  reason of placing a hold               | placeLegalHold         |
  reason of releasing a hold             | releaseLegalHold       |
  reason of a dry run                    | eraseUser              |
  verification token                     | confirmEmail           |
  code                                   | confirmPhone           |
  traceparent                            | request header         |
  tracestate                             | request header         |
  baggage                                | request header         |
  cookie                                 | request header         |
  referer                                | request header         |
  user-agent                             | request header         |
  x-request-id                           | request header         |
  idempotency-key                        | request header         |
  x-forwarded-for                        | request header         |
  x-user-id                              | request header         |
  router-authorization                   | request header         |
  x-custom                               | request header         |
  apollographql-client-name              | request header         |
  bearer token                           | Authorization          |
  query string                           | URL                    |
  path                                   | URL                    |
  unsubscribe token                      | URL                    |
  invalid JSON                           | request body           |
  malformed document                     | request body           |
  unknown field                          | request body           |
  operation name                         | request body           |
  unknown operation name                 | request body           |
  variable of a wrong type               | request body           |
  extensions                             | request body           |
  malformed id                           | user                   |
  unknown e-mail                         | userByEmail            |
  unknown external id                    | userByExternalId       |
  search                                 | users                  |
  after                                  | users                  |
  before                                 | users                  |
  unknown currency                       | users                  |
  ignored field                          | OrderPlaced            |
  errorMessage                           | PaymentFailed          | database
  errorCode                              | PaymentFailed          | database
  reason of points                       | LoyaltyPointsEarned    | database
  reason of a cancellation               | OrderCancelled         | database
  subject                                | CloudEvent attribute   |
  extension                              | CloudEvent attribute   |
  ce-* header                            | CloudEvent attribute   |
  app_id                                 | valid message          |
  correlation_id                         | valid message          |
  reply_to                               | valid message          |
  custom header                          | valid message          |
  data of an invalid message             | invalid message        | database
  truncated JSON of a message            | invalid message        | database
  text next to an id in capitals         | invalid message        | database
  base64 that is not JSON                | invalid message        |
  body of a message with ce-subject      | invalid message        | database
  errorMessage of a payment without time | invalid message        | database
  app_id of an invalid message           | invalid message        |
  correlation_id of an invalid message   | invalid message        |
  reply_to of an invalid message         | invalid message        |
  custom header of an invalid message    | invalid message        | database
`;

/** A row of the table. */
export interface Canary {
  readonly value: string;
  readonly entersBy: string;
  readonly stores: readonly string[];
}

const [, ...lines] = table.trim().split('\n');
/** The rows of the table, and one for each free text of a profile. */
export const canaryTable: readonly Canary[] = [
  ...freeTexts.map((value) => ({ value, entersBy: 'createUser', stores: ['database', 'redis'] })),
  ...lines.map((line) => {
    const [value = '', entersBy = '', stores = ''] = line.split('|').map((cell) => cell.trim());
    return { value, entersBy, stores: stores.split(' ').filter(Boolean) };
  }),
];
