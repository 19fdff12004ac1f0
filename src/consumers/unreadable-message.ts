import type { ParkReason } from '../parked/message-to-park';

/** A message that can never be read, and is parked. The detail contains no value of the message. */
export class UnreadableMessageError extends Error {
  override name = 'UnreadableMessageError';
  constructor(
    readonly reason: ParkReason,
    readonly detail: string,
  ) {
    super(`${reason}: ${detail}`);
  }
}
