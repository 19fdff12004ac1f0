import { createHash } from 'node:crypto';
import { contactDigestsIn } from '../../../src/parked/contacts-in-message';

const digest = (contact: string) => createHash('sha256').update(contact).digest('hex');

describe('contactDigestsIn', () => {
  it.each([
    ['Write to <Ada.L@Example.COM>, please', 'ada.l@example.com'],
    ['ａｄａ@example.com', 'ada@example.com'],
    ['mailto:ada@example.com;', 'ada@example.com'],
    ['+49 (30) 123-456.78', '+493012345678'],
    ['4930123456', '+4930123456'],
    ['1234567', '+1234567'],
    ['+123456789012345', '+123456789012345'],
    ['1234567890123456', '+234567890123456'],
  ])('returns the digest of the stored form of the contact in %j', (text, contact) => {
    expect(contactDigestsIn([text])).toEqual([digest(contact)]);
  });

  it.each(['123456', '0000000', 'ada@', 'no contact'])('returns nothing for %j', (text) => {
    expect(contactDigestsIn([text])).toEqual([]);
  });

  it('returns each contact once, and at most 1,000', () => {
    expect(contactDigestsIn(['a@b.c', 'A@B.C +4930123456', '4930123456'])).toEqual([
      digest('a@b.c'),
      digest('+4930123456'),
    ]);
    const many = Array.from({ length: 1_001 }, (_, at) => `u${at}@example.com`);
    expect(contactDigestsIn(many)).toEqual(many.slice(0, 1_000).map(digest));
    expect(contactDigestsIn([many.join(' ')])).toHaveLength(1_000);
  });
});
