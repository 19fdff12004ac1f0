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
