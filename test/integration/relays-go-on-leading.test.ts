import { v7 as uuidv7 } from 'uuid';
import { laneOf } from '../../src/outbox/outbox';
import { isReady } from '../testkit/brokers';
import { eventually } from '../testkit/eventually';
import { useRelayFixture } from '../testkit/relay-fixture';
import { buildEvent } from '../testkit/relays';

const fixture = useRelayFixture();

describe('a relay that goes on leading', () => {
  it('takes up what is committed meanwhile, in whichever lane, without beginning anew', async () => {
    const { relay, broker, database } = await fixture.startRelay();
    await isReady(broker);
    const transaction = jest.spyOn(database, 'transaction');
    const publish = broker.publish.bind(broker);
    let begunAt: number[] = [];
    let confirmed: Promise<void>;
    jest.spyOn(broker, 'publish').mockImplementation(async (message) => {
      begunAt.push(transaction.mock.calls.length);
      const outcome = await publish(message);
      await confirmed;
      return outcome;
    });
    // It goes on for a tenth of a second, and a busy machine may take longer than that for the second event.
    await eventually(async () => {
      begunAt = [];
      let confirm: () => void = () => undefined;
      confirmed = new Promise<void>((resolve) => {
        confirm = resolve;
      });
      const first = buildEvent();
      await fixture.commit([first], relay.wake);
      await eventually(() => expect(begunAt).toHaveLength(1), { intervalMs: 2 });
      const elsewhere = Array.from({ length: 100 }, () => uuidv7()).find(
        (id) => laneOf(id) !== laneOf(first.userId),
      );
      await fixture.commit([buildEvent({ userId: elsewhere as string })], relay.wake);
      confirm();
      await eventually(async () => expect(await fixture.pending()).toEqual([]));
      expect(begunAt).toEqual([begunAt[0], begunAt[0]]);
    });
  });

  it('holds nothing of what is confirmed while it waits for the next confirm', async () => {
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
    // As an erasure takes away what is still to be said of a user.
    await fixture.database.query('DELETE FROM outbox_events WHERE id = $1', [first.id]);
    confirm();
    await eventually(async () => expect(await fixture.pending()).toEqual([]));
  });
});
