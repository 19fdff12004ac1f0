import type { Actor } from '../../src/authentication/actor';
import { LateReadSources } from '../../src/late-read-sources';
import type { Reader, ReadReplicas } from '../../src/postgres/read-replicas';
import { InProcessRecordCache } from '../../src/redis/in-process-record-cache';

const ada: Actor = { id: 'ada', scopes: new Set() };
const bob: Actor = { id: 'bob', scopes: new Set() };

/** Sources with a replica that contains positions of up to 10, and a primary at a position that a test sets. */
function sourcesAt(primaryPosition: () => Promise<number>) {
  const [primary, replica] = [{} as Reader, {} as Reader];
  const waitedFor: number[] = [];
  const replicas = {
    choose: (position: number) => (position <= 10 ? replica : null),
    currentPosition: primaryPosition,
    whenContained: async (position: number) => void waitedFor.push(position),
  } as unknown as ReadReplicas;
  const positions = new InProcessRecordCache();
  const sources = new LateReadSources({ primary, replicas, positions });
  const readsPrimary = async (actor: Actor | null) => (await sources.choose(actor)) === sources.primary;
  return { sources, positions, waitedFor, readsPrimary };
}

describe('LateReadSources', () => {
  it('reads a replica that contains the last change of the actor, and the primary until one does', async () => {
    let position = 11;
    const { sources, readsPrimary, waitedFor } = sourcesAt(async () => position);
    expect([await readsPrimary(ada), await readsPrimary(null)]).toEqual([false, false]);
    await sources.recordChange(ada);
    await sources.recordChange(null);
    expect([await readsPrimary(ada), await readsPrimary(bob), await readsPrimary(null)]).toEqual([
      true,
      false,
      false,
    ]);
    position = 10;
    await sources.recordChange(bob);
    expect(await readsPrimary(bob)).toBe(false);
    expect(waitedFor).toEqual([]);
  });

  it('reads the primary after a change whose position could not be read', async () => {
    const { sources, readsPrimary } = sourcesAt(() => Promise.reject(new Error('unavailable')));
    await sources.recordChange(ada);
    expect([await readsPrimary(ada), await readsPrimary(bob)]).toEqual([true, false]);
  });

  it('waits until the replicas contain a change whose position it cannot share', async () => {
    const { sources, positions, waitedFor, readsPrimary } = sourcesAt(async () => 12);
    jest.spyOn(positions, 'putMany').mockRejectedValueOnce(new Error('away'));
    await sources.recordChange(ada);
    expect(waitedFor).toEqual([12]);
    jest.spyOn(positions, 'getMany').mockRejectedValueOnce(new Error('away'));
    expect(await readsPrimary(bob)).toBe(true);
  });
});
