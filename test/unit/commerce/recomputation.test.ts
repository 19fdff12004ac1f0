import type { CommerceRepository } from '../../../src/commerce/commerce.repository';
import { recompute } from '../../../src/commerce/recomputation';
import type { RecomputationRepository } from '../../../src/commerce/recomputation.repository';
import { type CommerceSummary, initial } from '../../../src/commerce/user-history.projection';
import type { Database, Transaction } from '../../../src/postgres/database';

const usersPerBatch = 500;
const idOf = (at: number) => `01975a5e-0000-7000-8000-${String(at).padStart(12, '0')}`;
const wrong: CommerceSummary = { ...initial, orderCount: 1 };

/** Recomputes users without history. Those in `stored` have this summary, those in `locked` this one once locked. */
async function run(
  users: number,
  options: {
    stored?: Map<string, CommerceSummary>;
    locked?: Map<string, CommerceSummary>;
    fixes?: boolean;
  } = {},
) {
  const { stored = new Map(), locked = stored, fixes = false } = options;
  const calls: string[] = [];
  const ids = Array.from({ length: users }, (_, at) => idOf(at + 1));
  const repository: Partial<RecomputationRepository> = {
    listUsers: async (after, limit) => ids.filter((id) => id > after).slice(0, limit),
    findEntries: async () => new Map(),
    lockSummary: async (_tx, id) => locked.get(id) ?? null,
    replaceSummary: async (_tx, id, summary) => {
      expect(summary).toEqual(initial);
      calls.push(`replace ${id.slice(-3)}`);
    },
  };
  const checked = await recompute({
    database: { transaction: (work: (tx: Transaction) => unknown) => work({} as Transaction) } as Database,
    commerce: { findByUsers: async () => stored } as unknown as CommerceRepository,
    repository: repository as RecomputationRepository,
    onFix: fixes ? async (_tx, { userId }) => void calls.push(`fix ${userId.slice(-3)}`) : null,
    onDifference: async ({ userId, stored: from, recomputed }) => {
      expect([from, recomputed]).toEqual([wrong, initial]);
      calls.push(`difference ${userId.slice(-3)}`);
    },
    onBatch: (count) => void calls.push(`batch ${count}`),
  });
  return { checked, calls };
}

describe('recompute', () => {
  it.each([
    [0, []],
    [usersPerBatch - 1, []],
    [usersPerBatch, ['batch 500']],
    [2 * usersPerBatch + 1, ['batch 500', 'batch 1000']],
  ])('checks %i users, and calls onBatch after each full batch', async (users, calls) => {
    expect(await run(users)).toEqual({ checked: users, calls });
  });

  it('replaces differing summaries only if onFix is given', async () => {
    const stored = new Map([[idOf(2), wrong]]);
    expect((await run(3, { stored })).calls).toEqual(['difference 002']);
    expect((await run(3, { stored, fixes: true })).calls).toEqual([
      'replace 002',
      'fix 002',
      'difference 002',
    ]);
  });

  it('ignores a user whose summary is right, or who is gone, once it is locked', async () => {
    const stored = new Map([1, 2].map((at) => [idOf(at), wrong]));
    const locked = new Map([[idOf(1), initial]]);
    expect((await run(3, { stored, locked, fixes: true })).calls).toEqual([]);
  });
});
