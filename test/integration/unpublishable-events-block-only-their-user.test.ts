import { v7 as uuidv7 } from 'uuid';
import { laneOf, type NewOutboxEvent } from '../../src/outbox/outbox';
import { withRabbitMq } from '../testkit/brokers';
import { eventually } from '../testkit/eventually';
import { useRelayFixture } from '../testkit/relay-fixture';
import { buildEvent, buildVersions } from '../testkit/relays';

const fixture = useRelayFixture();
const idsOf = (events: NewOutboxEvent[]) => events.map(({ id }) => id);

describe('an event that cannot be published', () => {
  it('blocks only its own user, also if a lane has more such events than a batch', async () => {
    const lane = laneOf(uuidv7());
    const usersOfLane = Array.from({ length: 4_000 }, () => uuidv7()).filter((id) => laneOf(id) === lane);
    const unpublishable = usersOfLane
      .slice(0, 600)
      .map((userId) => buildEvent({ userId, type: 'UserTeleported' }));
    const last = unpublishable[0] as NewOutboxEvent;
    const behind = buildEvent({ userId: last.userId, version: 2 });
    const others = usersOfLane.slice(600, 610).flatMap((userId) => buildVersions(userId, 3));
    await fixture.commit([...unpublishable, behind, ...others]);
    const { attempts, delays, logged } = await fixture.startRelay();
    await eventually(() => expect(new Set(fixture.arrived())).toEqual(new Set(idsOf(others))));
    expect(fixture.disorder()).toEqual([]);
    const errors = logged.filter(({ level }) => level === 'error');
    expect(new Set(errors.map(({ eventId }) => eventId))).toEqual(new Set(idsOf(unpublishable)));
    expect(errors.length).toBe(600);
    expect(delays).toHaveLength(others.length);
    // Retries are counted and not logged.
    await eventually(() =>
      expect(attempts.filter((it) => it === 'UserTeleported failed').length).toBeGreaterThan(600),
    );
    expect(logged.filter(({ level }) => level === 'error')).toHaveLength(600);

    await fixture.database.query(`UPDATE outbox_events SET type = 'UserUpdated' WHERE id = $1`, [last.id]);
    await eventually(() => expect(fixture.arrived().slice(-2)).toEqual([last.id, behind.id]));

    // The user's next failure is a new one, which is logged.
    const again = buildEvent({ userId: last.userId, version: 3, type: 'UserTeleported' });
    await fixture.commit([again]);
    await eventually(() =>
      expect(logged).toContainEqual(expect.objectContaining({ level: 'error', eventId: again.id })),
    );
  });

  it('is retried before later events of its user until the queue that rejected it has room', async () => {
    const full = `${fixture.prefix}full`;
    await withRabbitMq(async (channel) => {
      await channel.assertQueue(full, { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
      await channel.bindQueue(full, `${fixture.prefix}user.events`, 'user.erased');
    });
    const erased = [uuidv7(), uuidv7()].map((userId) => buildEvent({ userId, type: 'UserErased' }));
    const later = erased.map(({ userId }) => buildEvent({ userId, version: 2 }));
    const other = buildEvent();
    const { logged } = await fixture.startRelay();
    await fixture.commit([...erased, ...later, other]);
    // The queue has room for one. Before it rejects the other, both rows may still be pending.
    const refusals = () => logged.filter(({ msg }) => String(msg).startsWith('the broker refused'));
    await eventually(async () => {
      const waiting = await fixture.pending();
      const refused = erased.findIndex(({ id }) => waiting.includes(id));
      expect(new Set(waiting)).toEqual(new Set([erased[refused]?.id, later[refused]?.id]));
      expect(refusals()).toHaveLength(1);
    });
    expect(fixture.arrived()).toContain(other.id);
    expect(logged.filter(({ level }) => level === 'error')).toEqual([]);
    await withRabbitMq((channel) => channel.deleteQueue(full));
    await eventually(async () => expect(await fixture.pending()).toEqual([]));
    expect(new Set(fixture.arrived())).toEqual(new Set(idsOf([...erased, ...later, other])));
    expect(fixture.disorder()).toEqual([]);
  });
});
