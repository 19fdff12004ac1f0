import { v7 as uuidv7 } from 'uuid';
import { type ForeignMessage, foreignEvent, orderPlaced, paymentFailed, withHeader } from './commerce-events';

const unreadable = { timestamp: 'yesterday' };

/** The message with another body, which can be read or not. */
export const withBody = (message: ForeignMessage, body: string | Buffer): ForeignMessage => ({
  ...message,
  body: Buffer.from(body as string),
});

/** A structured CloudEvent that carries its data as base64. */
export function inBase64(message: ForeignMessage): ForeignMessage {
  const { data, ...envelope } = JSON.parse(message.body.toString());
  const encoded = Buffer.from(JSON.stringify(data)).toString('base64');
  return withBody(message, JSON.stringify({ ...envelope, data_base64: encoded }));
}

/** Messages that cannot be folded and name a user, by where they do. */
export const namingUsers: Readonly<Record<string, (userId: string) => ForeignMessage>> = {
  'in its data': (userId) => orderPlaced(userId, { total: 'much' }),
  'elsewhere in its data': (userId) => paymentFailed(uuidv7(), { ...unreadable, payers: [{ id: userId }] }),
  'in capitals': (userId) => paymentFailed(uuidv7(), { ...unreadable, payer: userId.toUpperCase() }),
  'in base64': (userId) => inBase64(paymentFailed(uuidv7(), { ...unreadable, payer: userId })),
  'in its header': (userId) => withHeader(paymentFailed(uuidv7(), unreadable), `for ${userId}`),
  'in another type': (userId) => foreignEvent('OrderPlaced', { note: userId }, { type: 'OrderSeen' }),
  'in what is no JSON': (userId) => withBody(paymentFailed(uuidv7()), `{"userId":"${userId}","total":`),
  'in what is no text': (userId) =>
    withBody(orderPlaced(userId), Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(`x${userId}9`)])),
};

/** Messages that cannot be folded and name an order, by where they do. */
export const namingOrders: Readonly<Record<string, (orderId: string) => ForeignMessage>> = {
  'as its order': (orderId) => paymentFailed(orderId, unreadable),
  'in its sentence': (orderId) =>
    paymentFailed(uuidv7(), { ...unreadable, errorMessage: `Order ${orderId}: declined` }),
  'beside NUL': (orderId) => paymentFailed(uuidv7(), { ...unreadable, errorMessage: `\0${orderId}` }),
  'within a word': (orderId) => paymentFailed(uuidv7(), { ...unreadable, reference: `PAY${orderId}PAY` }),
  'in a number': () => withBody(paymentFailed(''), '{"orderId":7305511,"timestamp":0}'),
  'in what is no JSON, too': (orderId) => withBody(paymentFailed(''), `orderId=${orderId};reason=declined`),
};
