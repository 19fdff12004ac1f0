import type { ParkReason } from '../parked/message-to-park';

/** A message that says something wrong, whoever reads it: it is parked. The detail holds no value of the message. */
export class UnreadableMessageError extends Error {
  override name = 'UnreadableMessageError';
  constructor(
    readonly reason: ParkReason,
    readonly detail: string,
  ) {
    super(`${reason}: ${detail}`);
  }
}
