import type { Options } from 'amqplib';
import type { ForeignMessage } from './commerce-events';

/** A copy of the message with this body, valid or not. */
export const withBody = (message: ForeignMessage, body: string | Buffer): ForeignMessage => ({
  ...message,
  body: Buffer.from(body as string),
});

/** A copy of the message with these AMQP properties in addition to its own. */
export const withProperties = (message: ForeignMessage, properties: Options.Publish): ForeignMessage => ({
  ...message,
  properties: { ...message.properties, ...properties },
});

/** A copy of the message with the header `x-canary`. */
export const withHeader = (message: ForeignMessage, text: string): ForeignMessage =>
  withProperties(message, { headers: { 'x-canary': text } });

/** A copy of the structured CloudEvent with its data, or another text, as base64. */
export function inBase64(
  message: ForeignMessage,
  { id, text }: { id?: string; text?: string } = {},
): ForeignMessage {
  const { data, ...envelope } = JSON.parse(message.body.toString());
  const encoded = Buffer.from(text ?? JSON.stringify(data)).toString('base64');
  return withBody(message, JSON.stringify({ ...envelope, ...(id && { id }), data_base64: encoded }));
}
