import { eventually } from '../testkit/eventually';
import { useRelayStage } from '../testkit/relay-stage';
import { buildEvent } from '../testkit/relays';

const stage = useRelayStage();

describe('a user event', () => {
  it('is published while audit events wait for confirms', async () => {
    const { relay, broker } = await stage.startRelay();
    const publish = broker.publish.bind(broker);
    const held: (() => void)[] = [];
    jest.spyOn(broker, 'publish').mockImplementation(async (message) => {
      if (message.exchange === 'audit.events') await new Promise<void>((resolve) => held.push(resolve));
      return publish(message);
    });
    const access = buildEvent({ type: 'UserDataAccessed', version: null });
    await stage.commit([access], relay.wake);
    await eventually(() => expect(held).toHaveLength(1));

    const change = buildEvent({ userId: access.userId });
    await stage.commit([change], relay.wake);
    await eventually(() => expect(stage.arrived()).toEqual([change.id]));
    expect(await stage.pending()).toContain(access.id);

    for (const release of held) release();
    await eventually(async () => expect(await stage.pending()).toEqual([]));
  });
});
