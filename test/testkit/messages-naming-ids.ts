import { v7 as uuidv7 } from 'uuid';
import { type ForeignMessage, foreignEvent, orderPlaced, paymentFailed } from './commerce-events';
import { inBase64, withBody, withHeader } from './message-variants';

const unreadable = { timestamp: 'yesterday' };

/** Messages that name a user but cannot be folded, by where the id is. */
export const namingUsers: Readonly<Record<string, (userId: string) => ForeignMessage>> = {
  'in its data': (userId) => orderPlaced(userId, { total: 'much' }),
  'elsewhere in its data': (userId) => paymentFailed(uuidv7(), { ...unreadable, payers: [{ id: userId }] }),
  'in capitals': (userId) => paymentFailed(uuidv7(), { ...unreadable, payer: userId.toUpperCase() }),
  'in base64': (userId) => inBase64(paymentFailed(uuidv7(), { ...unreadable, payer: userId })),
  'in its header': (userId) => withHeader(paymentFailed(uuidv7(), unreadable), `for ${userId}`),
  'in another type': (userId) => foreignEvent('OrderPlaced', { note: userId }, { type: 'OrderSeen' }),
  'in a body that is not JSON': (userId) =>
    withBody(paymentFailed(uuidv7()), `{"userId":"${userId}","total":`),
  'in a body that is not UTF-8': (userId) =>
    withBody(orderPlaced(userId), Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(`x${userId}9`)])),
};

/** Messages that name an order but cannot be folded, by where the id is. */
export const namingOrders: Readonly<Record<string, (orderId: string) => ForeignMessage>> = {
  'in its orderId': (orderId) => paymentFailed(orderId, unreadable),
  'in its error message': (orderId) =>
    paymentFailed(uuidv7(), { ...unreadable, errorMessage: `Order ${orderId}: declined` }),
  'next to NUL': (orderId) => paymentFailed(uuidv7(), { ...unreadable, errorMessage: `\0${orderId}` }),
  'within a word': (orderId) => paymentFailed(uuidv7(), { ...unreadable, reference: `PAY${orderId}PAY` }),
  'in a number': () => withBody(paymentFailed(''), '{"orderId":7305511,"timestamp":0}'),
  'in plain text': (orderId) => withBody(paymentFailed(''), `orderId=${orderId};reason=declined`),
};
