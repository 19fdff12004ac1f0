import type { IncomingMessage } from '../rabbitmq/broker';

/** Why a message is parked. */
export type ParkReason =
  | 'TOO_LARGE'
  | 'INVALID_HEADERS'
  | 'INVALID_ENCODING'
  | 'INVALID_JSON'
  | 'INVALID_TEXT'
  | 'INVALID_ENVELOPE'
  | 'UNSUPPORTED_FORMAT'
  | 'UNKNOWN_TYPE'
  | 'WRONG_EXCHANGE'
  | 'OWN_SOURCE'
  | 'INVALID_DATA'
  | 'INVALID_USER_ID'
  | 'INVALID_AMOUNT'
  | 'UNKNOWN_CURRENCY'
  | 'INVALID_POINTS'
  | 'INVALID_TIME'
  | 'ORDER_OF_ANOTHER_USER'
  | 'CANNOT_BE_FOLDED'
  | 'EXPIRED'
  | 'CRASHED'
  | 'DELIVERY_LIMIT';

/** A message to park, with what could be read of it. */
export interface MessageToPark {
  readonly message: IncomingMessage;
  readonly reason: ParkReason;
  /** Contains no value of the message. */
  readonly detail: string;
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  readonly eventId?: string | undefined;
  readonly userId?: string | undefined;
  readonly attempts: number;
}
