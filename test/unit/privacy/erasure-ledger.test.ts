import { ErasureLedger } from '../../../src/privacy/erasure-ledger';

const userId = '01975a5e-1111-7000-8000-0000000000ad';
const otherId = '01975a5e-1111-7000-8000-0000000000ae';
const line = (day: number, sequence: number, id = userId) =>
  JSON.stringify({ userId: id, erasedAt: `2026-03-0${day}T00:00:00Z`, sequence });
const entry = (day: number, sequence: number, id = userId) => ({
  userId: id,
  erasedAt: new Date(`2026-03-0${day}T00:00:00Z`),
  sequence,
});

describe('ErasureLedger', () => {
  it.each([
    ['ascending', [line(1, 3), line(2, 7), line(3, 9)]],
    ['descending', [line(3, 9), line(2, 7), line(1, 3)]],
    ['mixed', [line(2, 9), line(1, 7), line(3, 3)]],
  ])('has the first erasure and the highest sequence of a user from lines in %s order', (_order, lines) => {
    const ledger = new ErasureLedger();
    for (const text of [line(4, 99, otherId), ...lines, line(5, 1, otherId.toUpperCase())]) ledger.add(text);
    expect(ledger.entries).toEqual([entry(4, 99, otherId), entry(1, 9)]);
    expect({ read: ledger.read, unreadable: ledger.unreadable }).toEqual({ read: 5, unreadable: 0 });
  });

  it.each(['11111111-1111-1111-1111-111111111111', '6F9619FF-8B86-D011-B42D-00CF4FC964FF'])(
    'reads the user id %s, which is a UUID of no version',
    (id) => {
      const ledger = new ErasureLedger();
      ledger.add(line(1, 2, id));
      expect(ledger.entries).toEqual([entry(1, 2, id.toLowerCase())]);
    },
  );

  it('reads lines and events, and counts unreadable lines', () => {
    const ledger = new ErasureLedger();
    for (const document of [
      { userId: userId.toUpperCase(), erasedAt: '2026-03-02T00:00:00+00:00' },
      {
        type: 'UserErased',
        sequence: '00000000000000000007',
        data: { userId, erasedAt: '2026-03-01T00:00:00Z' },
      },
      {
        type: 'UserErased',
        sequence: '00000000000000000005',
        data: { userId, erasedAt: '2026-03-03T00:00:00Z' },
      },
      { userId: 'malformed', erasedAt: '2026-03-02T00:00:00Z' },
      { userId },
    ])
      ledger.add(JSON.stringify(document));
    ledger.add('{"userId":');
    expect(ledger).toMatchObject({ read: 6, unreadable: 3 });
    expect(ledger.entries).toEqual([entry(1, 7)]);
  });
});
