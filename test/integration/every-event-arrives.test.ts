import { v7 as uuidv7 } from 'uuid';
import { laneOf, type NewOutboxEvent, Outbox } from '../../src/outbox/outbox';
import { readStream } from '../../src/rabbitmq/rabbitmq-stream';
import { erasuresStream } from '../../src/rabbitmq/topology';
import { isReady, rabbitMqUrl } from '../testkit/brokers';
import { eventually } from '../testkit/eventually';
import { useRelayFixture } from '../testkit/relay-fixture';
import { buildEvent, buildVersions } from '../testkit/relays';
import { newAmqpPrefix } from '../testkit/test-run';
import { removeTopology } from '../testkit/witness';

const fixture = useRelayFixture();
const idsOf = (events: NewOutboxEvent[]) => events.map(({ id }) => id);

describe('two relays with connections that break', () => {
  it('publish every committed event in the order of its user, and no event that was rolled back', async () => {
    const relays = [
      await fixture.startRelay({ amqpUrl: fixture.amqp.url }),
      await fixture.startRelay({ databaseUrl: fixture.postgres.url }),
    ];
    const users = Array.from({ length: 40 }, () => ({ id: uuidv7(), version: 0 }));
    const committed: string[] = [];
    const rolledBack: string[] = [];
    const outboxes = relays.map(({ relay }) => new Outbox(relay.wake));

    /** Writes one event as a mutation does: with a lock on the user, then commits after a delay or rolls back. */
    const write = async (random: () => number) => {
      const user = users[Math.floor(random() * users.length)] as (typeof users)[number];
      const fails = random() < 0.25;
      const id = uuidv7();
      const outbox = outboxes[Math.floor(random() * 2)] as Outbox;
      await fixture.database
        .transaction(async (tx) => {
          await tx.manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [user.id]);
          await outbox.append(tx, buildEvent({ id, userId: user.id, version: user.version + 1 }));
          await tx.manager.query('SELECT pg_sleep($1)', [random() * 0.005]);
          if (fails) throw new Error('rolled back');
          user.version += 1;
        })
        .then(
          () => committed.push(id),
          () => rolledBack.push(id),
        );
    };
    const random = randomFrom(20_26);
    let writing = true;
    const chaos = (async () => {
      for (let turn = 0; writing; turn += 1) {
        const seen = fixture.witness.events.length;
        await eventually(() => expect(fixture.witness.events.length > seen + 60 || !writing).toBe(true), {
          timeoutMs: 20_000,
        });
        (turn % 2 === 0 ? fixture.amqp : fixture.postgres).cut();
      }
    })();
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let at = 0; at < 25; at += 1) await write(random);
      }),
    );
    writing = false;
    await chaos;

    await eventually(async () => expect(await fixture.pending()).toEqual([]), { timeoutMs: 15_000 });
    await eventually(() => expect(new Set(fixture.arrived())).toEqual(new Set(committed)));
    expect(rolledBack.length).toBeGreaterThan(60);
    expect(committed.length + rolledBack.length).toBe(500);
    expect(fixture.disorder()).toEqual([]);
  });
});

describe('an event whose confirm is lost', () => {
  it.each([
    ['the connection breaks', () => fixture.amqp.cut()],
    ['no confirm comes in time', () => undefined],
  ])('is published again with the same id when %s', async (_, trouble) => {
    const relay = await fixture.startRelay({ amqpUrl: fixture.amqp.url, confirmTimeoutMs: 500 });
    const first = buildEvent();
    await fixture.commit([first], relay.relay.wake);
    await eventually(async () => expect(await fixture.pending()).toEqual([]));
    fixture.amqp.holdResponses();
    const event = buildEvent();
    await fixture.commit([event], relay.relay.wake);
    await eventually(() => expect(fixture.arrived()).toEqual([first.id, event.id]));
    expect(await fixture.pending()).toEqual([event.id]);
    // An attempt before the one that arrived may have failed already.
    const failures = () => relay.attempts.filter((attempt) => attempt === 'UserUpdated failed').length;
    const before = failures();
    trouble();
    await eventually(() => expect(failures()).toBeGreaterThan(before));
    expect(await fixture.pending()).toEqual([event.id]);
    await fixture.amqp.resume();
    await eventually(async () => expect(await fixture.pending()).toEqual([]));
    await eventually(() => expect(fixture.arrived()).toEqual([first.id, event.id, event.id]));
  });
});

describe('a relay that freezes during a pass', () => {
  it('is replaced by another relay when PostgreSQL drops its connection after 5 seconds', async () => {
    const frozen = await fixture.startRelay({
      amqpUrl: fixture.amqp.url,
      databaseUrl: fixture.postgres.url,
      confirmTimeoutMs: 60_000,
    });
    await eventually(() => expect(frozen.broker.status()).toBe('ready'));
    fixture.amqp.holdResponses();
    const [event, next] = buildVersions(uuidv7(), 2) as [NewOutboxEvent, NewOutboxEvent];
    await fixture.commit([event], frozen.relay.wake);
    await eventually(() => expect(fixture.arrived()).toEqual([event.id]));
    fixture.postgres.freeze();
    const frozenAtMs = performance.now();
    const other = await fixture.startRelay();
    await fixture.commit([next], other.relay.wake);
    await eventually(() => expect(fixture.arrived()).toEqual([event.id, event.id, next.id]), {
      timeoutMs: 8_000,
    });
    expect(performance.now() - frozenAtMs).toBeLessThan(7_000);
    // A relay that waits for the lane logs no warning.
    expect(other.logged.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  });
});

describe('the relay', () => {
  it('publishes each event once while another relay runs', async () => {
    const [one, two] = [await fixture.startRelay(), await fixture.startRelay()];
    await eventually(() =>
      expect([one, two].map(({ broker }) => broker.status())).toEqual(['ready', 'ready']),
    );
    const events = Array.from({ length: 300 }, () => buildEvent());
    for (let at = 0; at < events.length; at += 20) {
      await fixture.commit(events.slice(at, at + 20), (lane) => {
        one.relay.wake(lane);
        two.relay.wake(lane);
      });
    }
    await eventually(() => expect(new Set(fixture.arrived())).toEqual(new Set(idsOf(events))));
    await eventually(async () => expect(await fixture.pending()).toEqual([]));
    expect(fixture.witness.events.length).toBe(300);
  });

  it('publishes a thousand versions of one user in order, and events of other users', async () => {
    const userId = uuidv7();
    const others = Array.from({ length: 20 }, () => buildEvent());
    await fixture.commit([...buildVersions(userId, 1_000), ...others]);
    await fixture.startRelay();
    await eventually(async () => expect(await fixture.pending()).toEqual([]), { timeoutMs: 20_000 });
    await eventually(() => expect(fixture.witness.events.length).toBe(1_020));
    expect(fixture.witness.of(userId).map(({ event }) => Number(event.sequence))).toEqual(
      Array.from({ length: 1_000 }, (_, at) => at + 1),
    );
  });

  it('resumes when PostgreSQL is available again', async () => {
    const { relay, logged } = await fixture.startRelay({ databaseUrl: fixture.postgres.url });
    await fixture.postgres.stop();
    const event = buildEvent();
    await fixture.commit([event], relay.wake);
    await eventually(() =>
      expect(logged.map(({ msg }) => msg)).toContain('could not publish events: retrying'),
    );
    await fixture.postgres.resume();
    await eventually(() => expect(fixture.arrived()).toEqual([event.id]), { timeoutMs: 10_000 });
  });

  it('is ready again when PostgreSQL is available again, without an event to publish', async () => {
    const { relay } = await fixture.startRelay({ databaseUrl: fixture.postgres.url });
    await fixture.postgres.stop();
    await eventually(() => expect(relay.status()).toBe('degraded'));
    await fixture.postgres.resume();
    await eventually(() => expect(relay.status()).toBe('ready'), { timeoutMs: 10_000 });
  });

  it('retries with one event after it could not reach RabbitMQ', async () => {
    await fixture.amqp.stop();
    const { relay, attempts } = await fixture.startRelay({ amqpUrl: fixture.amqp.url });
    const lane = laneOf(uuidv7());
    const users = Array.from({ length: 1_000 }, () => uuidv7()).filter((id) => laneOf(id) === lane);
    const events = users.slice(0, 50).map((userId) => buildEvent({ userId }));
    await fixture.commit(events, relay.wake);
    await eventually(() => expect(attempts.length).toBeGreaterThan(50), { intervalMs: 5 });
    expect(attempts.length).toBeLessThan(60);
    await fixture.amqp.resume();
    await eventually(async () => expect(await fixture.pending()).toEqual([]), { timeoutMs: 10_000 });
  });

  it('publishes events of lanes that it does not use', async () => {
    const event = buildEvent();
    await fixture.commit([event]);
    await fixture.database.query('UPDATE outbox_events SET lane = 31');
    await fixture.startRelay();
    await eventually(() => expect(fixture.arrived()).toEqual([event.id]));
  });

  it('publishes only the types of the catalog in the catalog profile, and leaves no other event pending', async () => {
    const userId = uuidv7();
    const types = ['UserCreated', 'UserUpdated', 'UserDeactivated', 'UserReactivated', 'UserErased'];
    await fixture.commit(types.map((type, at) => buildEvent({ userId, version: at + 1, type })));
    await fixture.startRelay({ profile: 'catalog' });
    await eventually(async () => expect(await fixture.pending()).toEqual([]));
    await eventually(() =>
      expect(fixture.witness.events.map(({ event }) => event.type)).toEqual([
        'UserCreated',
        'UserDeactivated',
      ]),
    );
    // The stream of erasures gets UserErased in every profile.
    const kept: string[] = [];
    await readStream(rabbitMqUrl(), `${fixture.prefix}${erasuresStream}`, (text) => kept.push(text));
    expect(kept.map((text) => JSON.parse(text))).toEqual([
      expect.objectContaining({ type: 'UserErased', subject: userId }),
    ]);
  });

  it('marks unroutable events as published and warns once a minute', async () => {
    const bare = newAmqpPrefix();
    const { attempts, broker, delays, logged } = await fixture.startRelay({ prefix: bare });
    await isReady(broker);
    await fixture.commit([buildEvent(), buildEvent(), buildEvent()]);
    await eventually(async () => expect(await fixture.pending()).toEqual([]));
    expect(attempts).toEqual(Array(3).fill('UserUpdated unroutable'));
    expect(delays).toHaveLength(3);
    const warnings = () => logged.filter(({ msg }) => String(msg).startsWith('no queue is bound'));
    expect(warnings()).toEqual([expect.objectContaining({ level: 'warn', type: 'UserUpdated' })]);
    const now = performance.now.bind(performance);
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
    try {
      await fixture.commit([buildEvent()]);
      await eventually(() => expect(warnings()).toHaveLength(2));
    } finally {
      clock.mockRestore();
    }
    await removeTopology(bare);
  });
});

/** A linear congruential generator: numbers from 0 to 1 that are the same in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
