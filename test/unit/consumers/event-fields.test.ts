import { z } from 'zod';
import {
  identifier,
  identity,
  money,
  points,
  readFields,
  text,
  time,
  userId,
} from '../../../src/consumers/event-fields';
import type { UnreadableMessageError } from '../../../src/consumers/unreadable-message';
import { envelope, message, order, read, refused, structured } from '../../testkit/inbound-messages';

const id = '01975a5e-1111-7000-8000-0000000000ad';

/** What a field parses this value to. */
const parse = (field: z.ZodType, value: unknown) => readFields(z.object({ it: field }), { it: value });

/** The reason for which a message with this value is parked. */
function reasonOf(field: z.ZodType, value: unknown): string {
  try {
    return `read ${JSON.stringify(parse(field, value))}`;
  } catch (error) {
    return (error as UnreadableMessageError).reason;
  }
}

describe('event fields', () => {
  it.each([
    ['money', money, { value: 9.9, currency: 'EUR' }, { amount: '9.9', currency: 'EUR' }],
    ['money', money, { value: '010.50', currency: 'JPY' }, { amount: '10.5', currency: 'JPY' }],
    [
      'money',
      money,
      { value: 99_999_999_999.9999, currency: 'IDR' },
      { amount: '99999999999.9999', currency: 'IDR' },
    ],
    ['money', money, { value: 1e11 + 0.5, currency: 'IDR' }, { amount: '100000000000.5', currency: 'IDR' }],
    ['money', money, { value: -0, currency: 'IDR' }, { amount: '0', currency: 'IDR' }],
    ['money', money, { value: 1e11, currency: 'IDR' }, { amount: '100000000000', currency: 'IDR' }],
    ['money', money, { value: 1e15 - 1, currency: 'IDR' }, { amount: '999999999999999', currency: 'IDR' }],
    [
      'money',
      money,
      { value: '999999999999999.9999', currency: 'IDR' },
      { amount: '999999999999999.9999', currency: 'IDR' },
    ],
    ['userId', userId, id.toUpperCase(), id],
    ['points', points, 1, 1],
    ['time', time, '2026-03-01T12:00:00.1239+02:00', new Date('2026-03-01T10:00:00.123Z')],
    ['time', time, { '!': 'timestamp', value: 1_780_000_000 }, new Date(1_780_000_000_000)],
    ['time', time, new Date(0), new Date(0)],
    ['identifier', identifier, 'x'.repeat(255), 'x'.repeat(255)],
    ['text', text, undefined, null],
    ['text', text, '', null],
    ['text', text, 'x'.repeat(1_000), 'x'.repeat(1_000)],
    ['text', text, '🙂'.repeat(1_001), `${'🙂'.repeat(999)}…`],
  ])('%s parses a valid value', (_name, field, value, parsed) => {
    expect(parse(field, value)).toEqual({ it: parsed });
  });

  it.each([
    ['money', { value: -1, currency: 'EUR' }, 'INVALID_AMOUNT', money],
    ['money', { value: -1e11, currency: 'EUR' }, 'INVALID_AMOUNT', money],
    ['money', { value: 100_000_000_000.0001, currency: 'EUR' }, 'INVALID_AMOUNT', money],
    ['money', { value: 1e15, currency: 'EUR' }, 'INVALID_AMOUNT', money],
    ['money', { value: '1000000000000000', currency: 'EUR' }, 'INVALID_AMOUNT', money],
    ['money', { value: 1e21, currency: 'EUR' }, 'INVALID_AMOUNT', money],
    ['money', { value: 0.00001, currency: 'EUR' }, 'INVALID_AMOUNT', money],
    ['money', { value: 1e-7, currency: 'EUR' }, 'INVALID_AMOUNT', money],
    ['money', { value: '0.00001', currency: 'EUR' }, 'INVALID_AMOUNT', money],
    ['money', { value: 1, currency: 'EUX' }, 'UNKNOWN_CURRENCY', money],
    ['money', 1, 'INVALID_DATA', money],
    ['userId', 'ada', 'INVALID_USER_ID', userId],
    ['userId', '00000000-0000-0000-0000-000000000000', 'INVALID_USER_ID', userId],
    ['points', 0, 'INVALID_POINTS', points],
    ['points', 1.5, 'INVALID_POINTS', points],
    ['time', '2026-03-01', 'INVALID_TIME', time],
    ['time', '0000-12-31T23:59:59Z', 'INVALID_TIME', time],
    ['identifier', 'x'.repeat(256), 'INVALID_DATA', identifier],
    ['text', 5, 'INVALID_DATA', text],
  ])('%s rejects %p as %s', (_name, value, reason, field) => {
    expect(reasonOf(field, value)).toBe(reason);
  });

  it('readFields names the invalid field and none of its value', () => {
    expect(() =>
      readFields(z.object({ total: money }), { total: { value: 'ada', currency: 'EUR' } }),
    ).toThrow('INVALID_AMOUNT: total.value is missing or invalid');
  });

  it('identity returns source and id of the envelope', () => {
    const envelope = { id: 'e-1', source: '/orders', type: 'OrderPlaced', time: undefined, data: {} };
    const occurredAt = new Date(0);
    expect(identity(envelope, occurredAt)).toEqual({ source: '/orders', eventId: 'e-1', occurredAt });
  });
});

describe('the time of an event', () => {
  const hour = 3_600_000;
  const fromNow = (ms: number) => new Date(Date.now() + ms).toISOString();
  it.each([
    ['a leap day', '2024-02-29T10:00:00Z', '2024-02-29T10:00:00.000Z'],
    ['the first instant', '0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['a space and a lower-case z', '2026-03-01 10:00:00z', '2026-03-01T10:00:00.000Z'],
    ['the first instant and a space', '0001-01-01 00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['a year of two digits and lower-case letters', '0049-12-31t23:59:59.5z', '0049-12-31T23:59:59.500Z'],
    ['the largest offset', '2026-03-01T10:00:00+23:59', '2026-02-28T10:01:00.000Z'],
    ['less than a day ahead', fromNow(23 * hour), undefined],
  ])('reads a time that has %s', (_what, placedAt, expected = placedAt) => {
    expect(read(structured({ ...order, placedAt })).occurredAt.toISOString()).toBe(expected);
  });

  it.each([
    '2026-02-30T10:00:00Z',
    '2026-02-29T10:00:00Z',
    '2100-02-29T10:00:00Z',
    '2026-04-31T10:00:00Z',
    '2026-13-01T10:00:00Z',
    '2026-00-10T10:00:00Z',
    '2026-03-00T10:00:00Z',
    '2026-03-01T24:00:00Z',
    '2026-03-01T10:60:00Z',
    '2026-03-01T10:00:60Z',
    '2026-03-01T10:00:00+24:00',
    '2026-03-01T10:00:00+01:60',
    '2026-03-01T10:00:00.1234567890Z',
    '2099-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '12026-03-01T10:00:00Z',
    fromNow(25 * hour),
  ])('rejects the time %s in the data and in each envelope', (time) => {
    const { placedAt: _at, ...timeless } = order;
    const headers = Object.fromEntries(
      Object.entries({ ...envelope, time }).map(([name, value]) => [`ce-${name}`, value]),
    );
    const bare = { messageId: 'm', type: 'OrderPlaced', timestamp: new Date(Date.now() + 25 * hour) };
    const rejected = [
      structured({ ...order, placedAt: time }),
      structured(timeless, { time }),
      message(timeless, { headers }),
      message(timeless, bare),
      message(timeless, { ...bare, timestamp: new Date(Number.NaN) }),
    ];
    expect(rejected.map(refused)).toEqual(rejected.map(() => 'INVALID_TIME'));
  });
});
