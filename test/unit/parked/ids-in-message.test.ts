import fc from 'fast-check';
import {
  declaredOrderIds,
  orderIdsIn,
  stringsOfMessage,
  userIdsIn,
} from '../../../src/parked/ids-in-message';

const userId = '01975a5e-1111-7000-8000-0000000000ad';

const textsOf = (body: string | Buffer, headers: unknown = {}) =>
  stringsOfMessage({ headers: JSON.stringify(headers), body: Buffer.from(body as string) });
const named = (body: string | Buffer, headers?: unknown) => userIdsIn(textsOf(body, headers));
const orders = (body: string | Buffer, headers?: unknown) => new Set(orderIdsIn(textsOf(body, headers)));

describe('userIdsIn', () => {
  it('finds ids in names and values at any depth, and in headers', () => {
    for (const document of [
      { data: { users: [{ id: userId }] } },
      { [userId]: 1 },
      { note: `of ${userId.toUpperCase()}, again` },
    ]) {
      expect(named(JSON.stringify(document))).toEqual(new Set([userId]));
      expect(named('{}', document)).toEqual(new Set([userId]));
    }
    const [encoded, base64] = [`\\u0030${userId.slice(1)}`, Buffer.from(`"${userId}"`).toString('base64')];
    expect(named(`{"userId":"${encoded}"}`)).toEqual(new Set([userId]));
    expect(named(JSON.stringify({ specversion: '1.0', data_base64: base64 }))).toEqual(new Set([userId]));
  });

  it('finds ids in truncated JSON, in bytes that are not UTF-8, and next to characters of ids', () => {
    expect(named(`{"userId":"${userId}`)).toEqual(new Set([userId]));
    expect(
      named(Buffer.concat([Buffer.from([0xff, 0xc3]), Buffer.from(userId), Buffer.from([0xfe])])),
    ).toEqual(new Set([userId]));
    expect(named(`user_${userId}7`)).toContain(userId);
    // Two ids that share characters: both are found.
    const other = `a5e${userId.slice(3)}`;
    expect(named(`${other}${userId}`)).toEqual(new Set([other, userId]));
    expect(named(`01975${userId}`)).toEqual(new Set([userId]));
    const shared = `${userId.slice(0, -8)}87654321-1111-7000-8000-0000000000ad`;
    expect(named(shared)).toEqual(new Set([shared.slice(0, 36), shared.slice(-36)]));
  });
});

describe('orderIdsIn', () => {
  const word = fc.string({ unit: 'grapheme-composite', maxLength: 20 });
  const orderId = fc
    .string({ unit: 'grapheme-composite', minLength: 1, maxLength: 60 })
    .filter((it) => !it.includes('\0'));

  it('finds ids of any characters anywhere in a value or name', () => {
    fc.assert(
      fc.property(word, orderId, word, (before, id, after) => {
        expect(orders(JSON.stringify({ data: [{ note: before + id + after }] }))).toContain(id);
        expect(orders('', { 'x-note': { [before + id + after]: null } })).toContain(id);
      }),
    );
  });

  it('yields no NUL, which PostgreSQL would reject', () => {
    const found = [...orders(JSON.stringify({ 'A\0': 'B\0C' }), { 'D\0': 'E' })];
    expect(found).toEqual(expect.arrayContaining(['A', 'B', 'C', 'D', 'E']));
    expect(found.filter((it) => it.includes('\0'))).toEqual([]);
  });

  it('finds ids in long texts and in what is not JSON', () => {
    const long = 'A payment failed and was retried. '.repeat(50);
    for (const id of ['A-17/3', '#4 b', '№ 9_x', 'ünï', '#'])
      for (const body of [
        JSON.stringify({ errorMessage: `${long} (${id}) ${long}` }),
        `{"orderId":"${id}","reason":"${long}`,
        Buffer.concat([Buffer.from([0xe2, 0x82]), Buffer.from(`${id}\n${long}`)]),
        `<orderId>${id}</orderId>${long}`,
      ])
        expect(orders(body)).toContain(id);
    expect(orders('{"orderId":123456789012345678901,"more":[1e3]}')).toContain('123456789012345678901');
    expect(orders('{"orderId":123456789012345678901,"more":[1e3]}')).toContain('1e3');
  });

  it('yields ids of up to 255 characters, and nothing of a longer text that is one word', () => {
    const id = 'x'.repeat(255);
    expect(orders(JSON.stringify({ id }))).toContain(id);
    expect(orders(JSON.stringify({ id: `${id} ` }))).toContain(id);
    expect([...orderIdsIn(['y'.repeat(300)])]).toEqual([]);
  });
});

describe('declaredOrderIds', () => {
  it('returns orderId at any depth, also a number and in base64', () => {
    const data = Buffer.from('{"orderId":"A-3"}').toString('base64');
    const body = {
      orderId: 17,
      data: [{ orderId: 'A-2' }, { orderId: null }],
      data_base64: data,
      other: 'A-4',
    };
    expect(declaredOrderIds(JSON.stringify(body)).sort()).toEqual(['17', 'A-2', 'A-3']);
  });
});
