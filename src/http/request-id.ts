import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Hexadecimal ids such as UUIDs. Logs and traces store request ids, so other text could carry personal data. */
const acceptedRequestId = /^[\da-f](?:[\da-f-]{14,62})[\da-f]$/i;

/** Returns the id that the caller gave the request, or a new one. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && acceptedRequestId.test(given) ? given : randomUUID();
}
