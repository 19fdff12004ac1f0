import { v7 as uuidv7 } from 'uuid';
import { laneOf } from '../../src/outbox/outbox';
import { isReady } from '../testkit/brokers';
import { eventually } from '../testkit/eventually';
import { useRelayFixture } from '../testkit/relay-fixture';
import { buildEvent } from '../testkit/relays';

const fixture = useRelayFixture();

describe('a relay that has locked lanes', () => {
  it('publishes events committed during its round, in any lane, in the same transaction', async () => {
    const { relay, broker, database } = await fixture.startRelay();
    await isReady(broker);
    const transaction = jest.spyOn(database, 'transaction');
    const publish = broker.publish.bind(broker);
    let transactionCounts: number[] = [];
    let confirmed: Promise<void>;
    jest.spyOn(broker, 'publish').mockImplementation(async (message) => {
      transactionCounts.push(transaction.mock.calls.length);
      const outcome = await publish(message);
      await confirmed;
      return outcome;
    });
    // A round lasts a tenth of a second; on a busy machine, the second commit may take longer.
    await eventually(async () => {
      transactionCounts = [];
      let confirm: () => void = () => undefined;
      confirmed = new Promise<void>((resolve) => {
        confirm = resolve;
      });
      const first = buildEvent();
      await fixture.commit([first], relay.wake);
      await eventually(() => expect(transactionCounts).toHaveLength(1), { intervalMs: 2 });
      const elsewhere = Array.from({ length: 100 }, () => uuidv7()).find(
        (id) => laneOf(id) !== laneOf(first.userId),
      );
      await fixture.commit([buildEvent({ userId: elsewhere as string })], relay.wake);
      confirm();
      await eventually(async () => expect(await fixture.pending()).toEqual([]));
      expect(transactionCounts).toEqual([transactionCounts[0], transactionCounts[0]]);
    });
  });

  it('holds no lock on a confirmed event while it waits for the next confirm', async () => {
    const { relay, broker } = await fixture.startRelay();
    const publish = broker.publish.bind(broker);
    const [first, second] = [buildEvent(), buildEvent()];
    let confirm: () => void = () => undefined;
    const confirmed = new Promise<void>((resolve) => {
      confirm = resolve;
    });
    jest.spyOn(broker, 'publish').mockImplementation(async (message) => {
      const outcome = await publish(message);
      if (message.messageId === first.id) await fixture.commit([second], relay.wake);
      else await confirmed;
      return outcome;
    });
    await fixture.commit([first], relay.wake);
    await eventually(() => expect(fixture.arrived()).toContain(second.id));
    expect(await fixture.pending()).toEqual([second.id]);
    // An erasure deletes the pending events of its user.
    await fixture.database.query('DELETE FROM outbox_events WHERE id = $1', [first.id]);
    confirm();
    await eventually(async () => expect(await fixture.pending()).toEqual([]));
  });
});

it('a relay calls its listener for published events one call at a time', async () => {
  const second = buildEvent();
  const calls: string[][] = [];
  let running = 0;
  let mostRunning = 0;
  const { relay } = await fixture.startRelay({
    onPublished: async (events) => {
      calls.push(events.map(({ userId }) => userId));
      running += 1;
      mostRunning = Math.max(mostRunning, running);
      if (calls.length === 1) {
        await fixture.commit([second], relay.wake);
        await eventually(() => expect(fixture.arrived()).toContain(second.id));
        // Gives the next call some time to begin too early.
        await eventually(() => expect(running).toBe(2), { timeoutMs: 500 }).catch(() => undefined);
      }
      running -= 1;
    },
  });
  const first = buildEvent();
  await fixture.commit([first], relay.wake);
  await eventually(() => expect(calls).toEqual([[first.userId], [second.userId]]));
  await eventually(() => expect(running).toBe(0));
  expect(mostRunning).toBe(1);
});
