import type { ParkedMessage } from '../../../src/parked/parked-message.entity';
import { storableJson } from '../../../src/parked/storable-json';
import { fingerprintOf, toWire } from '../../../src/parked/wire-message';
import type { IncomingMessage } from '../../../src/rabbitmq/broker';

const message: IncomingMessage = {
  exchange: 'order.events',
  routingKey: 'order.placed',
  body: Buffer.from('{}'),
  properties: { messageId: 'm', type: 'OrderPlaced', contentType: 'application/json', headers: {} },
};
const withProperties = (properties: object) => ({
  ...message,
  properties: { ...message.properties, ...properties },
});
const withHeaders = (headers: Record<string, unknown>) => withProperties({ headers });

describe('fingerprintOf', () => {
  it('differs for another body, routing, identifying property or identifying header', () => {
    const others = [
      message,
      { ...message, exchange: 'payment.events' },
      { ...message, routingKey: 'order.cancelled' },
      { ...message, body: Buffer.from('{ }') },
      { ...message, truncated: { totalBytes: 300_000, digest: 'one' } },
      { ...message, truncated: { totalBytes: 300_000, digest: 'other' } },
      withProperties({ messageId: 'n' }),
      withProperties({ type: 'OrderCancelled' }),
      withProperties({ contentType: 'text/plain' }),
      ...['cloudEvents_id', 'cloudEvents:source', 'ce-type', 'ce_specversion', 'CE-id'].map((name) =>
        withHeaders({ [name]: 'x' }),
      ),
      withHeaders({ 'ce-id': 'y' }),
      withHeaders({ 'x-unreadable-headers': { bytes: 9, digest: 'd' } }),
    ];
    expect(new Set(others.map(fingerprintOf)).size).toBe(others.length);
  });

  it('is equal for deliveries that differ in the time, in other headers and in the order of headers', () => {
    const fingerprint = fingerprintOf(message);
    expect(fingerprintOf(withProperties({ timestamp: new Date() }))).toBe(fingerprint);
    expect(fingerprintOf(withHeaders({ 'x-delivery-count': 3, 'ce-time': 'later', 'my-ce-id': 'z' }))).toBe(
      fingerprint,
    );
    expect(fingerprintOf(withHeaders({ 'ce-id': 'x', 'ce-type': 'y' }))).toBe(
      fingerprintOf(withHeaders({ 'ce-type': 'y', 'ce-id': 'x' })),
    );
  });
});

describe('toWire', () => {
  const row = (more: object) =>
    ({
      exchange: 'order.events',
      routingKey: 'order.placed',
      body: Buffer.from('{}'),
      bodyBytes: null,
      contentType: 'application/json',
      headers: { messageId: 'm', type: 'OrderPlaced', headers: {} },
      ...more,
    }) as unknown as ParkedMessage;

  it('returns the message as it was received', () => {
    expect(toWire(row({}))).toEqual(message);
    expect(fingerprintOf(toWire(row({})))).toBe(fingerprintOf(message));
  });

  it.each<[string, number | null]>([
    ['a valid time', 1_780_000_000_000],
    ['the epoch', 0],
    ['an invalid time, which is parked as null', null],
  ])('returns a timestamp that is %s', (_what, ms) => {
    const received = ms === null ? new Date(Number.NaN) : new Date(ms);
    const headers = JSON.parse(storableJson({ timestamp: received, headers: {} }));
    expect(toWire(row({ headers })).properties.timestamp?.getTime()).toBe(received.getTime());
  });

  it('returns an unreadable beginning as truncated, and a digest row without properties', () => {
    expect(toWire(row({ bodyBytes: 300_000, headers: {}, contentType: null }))).toEqual({
      ...message,
      truncated: { totalBytes: 300_000, digest: '' },
      properties: { headers: {} },
    });
  });
});
