import { validate, version } from 'uuid';
import { newId } from '../../../src/postgres/new-id';

describe('newId', () => {
  it('returns rising UUIDs of version 7, each once', () => {
    const ids = Array.from({ length: 2_000 }, () => newId());
    expect(ids.filter((id) => !validate(id) || version(id) !== 7)).toEqual([]);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('draws other random bits for each id', () => {
    const tails = Array.from({ length: 2_000 }, () => newId().slice(-10));
    expect(new Set(tails).size).toBe(tails.length);
  });

  it('begins with the milliseconds of now', () => {
    const beforeMs = Date.now();
    const idMs = Number.parseInt(newId().replace('-', '').slice(0, 12), 16);
    expect(idMs).toBeGreaterThanOrEqual(beforeMs);
    expect(idMs).toBeLessThanOrEqual(Date.now());
  });
});
