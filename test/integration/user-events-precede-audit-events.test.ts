import { noUser } from '../../src/outbox/cloud-event';
import { eventually } from '../testkit/eventually';
import { useRelayFixture } from '../testkit/relay-fixture';
import { buildEvent } from '../testkit/relays';

const fixture = useRelayFixture();

describe('a user event', () => {
  it('is published while audit events wait for confirms', async () => {
    const { relay, broker } = await fixture.startRelay();
    const publish = broker.publish.bind(broker);
    const held: (() => void)[] = [];
    jest.spyOn(broker, 'publish').mockImplementation(async (message) => {
      if (message.exchange === 'audit.events') await new Promise<void>((resolve) => held.push(resolve));
      return publish(message);
    });
    const access = buildEvent({ type: 'UserDataAccessed', version: null });
    await fixture.commit([access], relay.wake);
    await eventually(() => expect(held).toHaveLength(1));

    const change = buildEvent({ userId: access.userId });
    await fixture.commit([change], relay.wake);
    await eventually(() => expect(fixture.arrived()).toEqual([change.id]));
    expect(await fixture.pending()).toContain(access.id);

    for (const release of held) release();
    await eventually(async () => expect(await fixture.pending()).toEqual([]));
  });
});

describe('audit events', () => {
  it('are published in batches of 100, each without waiting for the confirm of another', async () => {
    const { relay, broker } = await fixture.startRelay();
    const publish = broker.publish.bind(broker);
    let isReleased = false;
    const held: (() => void)[] = [];
    jest.spyOn(broker, 'publish').mockImplementation(async (message) => {
      if (!isReleased) await new Promise<void>((resolve) => held.push(resolve));
      return publish(message);
    });
    const accesses = Array.from({ length: 150 }, () =>
      buildEvent({ type: 'UserDataAccessed', userId: noUser, version: null }),
    );
    await fixture.commit(accesses, relay.wake);
    await eventually(() => expect(held.length).toBeGreaterThanOrEqual(100));
    expect(held).toHaveLength(100);

    isReleased = true;
    for (const release of held) release();
    await eventually(async () => expect(await fixture.pending()).toEqual([]));
  });
});
