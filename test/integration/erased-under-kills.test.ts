import { randomUUID } from 'node:crypto';
import { pause } from '../../src/scheduling/pause';
import { send } from '../testkit/app';
import { orderPlaced, paymentFailed, pointsEarned } from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { readEverySink } from '../testkit/every-sink';
import { type Canary, callMutation, createCanary } from '../testkit/killable-canary';
import { useKillableService } from '../testkit/killable-service';
import { sinksContaining } from '../testkit/sinks';

/** Erasures whose replica is killed. `npm run faults:erasure` kills more. */
const kills = Number(process.env['ERASURE_KILLS'] ?? 2);
const patient = { timeoutMs: 60_000, intervalMs: 50 };

const service = useKillableService();

const read = (at: number, userId: string) =>
  send(
    service.urlOf(at),
    {
      query: 'query ($id: ID!) { user(id: $id) { email history(first: 10) { nodes { summary } } } }',
      variables: { id: userId },
    },
    { token: service.staff },
  );

/** Reads and updates these users on both replicas until `stop`, which returns the number of successful calls. */
function startLoad(canaries: readonly Canary[]): { stop(): Promise<number> } {
  const stopping = new AbortController();
  let succeeded = 0;
  const workers = [0, 1].map(async (at) => {
    for (let turn = 0; !stopping.signal.aborted; turn += 1) {
      const { userId, texts } = canaries[turn % canaries.length] as Canary;
      const work =
        turn % 3 === 0
          ? callMutation(service, at, 'updateUser', {
              input: { userId, displayName: `${texts[0]} ${turn}` },
              token: service.staff,
            })
          : read(at, userId);
      // Requests to a killed replica fail.
      await work.then(
        () => (succeeded += 1),
        () => undefined,
      );
      // Without a pause the load would take the processor from the erasures.
      await pause(5, stopping.signal);
    }
  });
  return {
    async stop() {
      stopping.abort();
      await Promise.all(workers);
      return succeeded;
    },
  };
}

/** Starts an erasure on a replica, kills the replica, and returns whether the erasure was still running. */
async function eraseAndKill(at: number, { userId }: Canary): Promise<boolean> {
  const erasing = callMutation(service, at, 'eraseUser', {
    input: { userId },
    token: service.officer,
  }).catch(() => undefined);
  await eventually(
    async () =>
      expect(await service.sql('SELECT 1 FROM erasures WHERE user_id = $1', [userId])).toHaveLength(1),
    { timeoutMs: 20_000, intervalMs: 1 },
  );
  await service.kill(at);
  const [erasure] = await service.sql<{ status: string }>('SELECT status FROM erasures WHERE user_id = $1', [
    userId,
  ]);
  await erasing;
  return erasure?.status === 'RUNNING';
}

it('erasures under load leave no text of the users in any sink, also when their replicas are killed', async () => {
  await service.start(0);
  await eventually(async () => {
    const health = service.observed
      .running()
      .map(async ({ url }) => (await fetch(`${url}/health/ready`)).json());
    for (const state of await Promise.all(health)) expect(state).toEqual({ status: 'ready', degraded: [] });
  }, patient);
  const canaries: Canary[] = [];
  for (let count = 0; count < kills; count += 1) canaries.push(await createCanary(service));
  const texts = canaries.flatMap((canary) => canary.texts);
  await eventually(
    async () => expect(await service.sql('SELECT 1 FROM parked_messages')).toHaveLength(canaries.length),
    patient,
  );
  for (const { userId } of canaries) await read(0, userId);
  await service.kill(0);
  // They stay in the queue, as no replica runs. The payment names an order that is not known yet.
  for (const {
    userId,
    texts: [text],
  } of canaries)
    await service.publish(
      pointsEarned(userId, { reason: text }),
      paymentFailed(randomUUID(), { errorMessage: text }),
    );

  const sinks = await readEverySink(service.observed);
  const databaseSink = [...sinks.keys()][0] as string;
  const names = ['redis', 'queue user-service.history', 'queue user-service.history.parked'];
  const scanned = [
    databaseSink,
    ...names,
    'queue user-service.erasures',
    'logs',
    'metrics',
    'traces',
    'files',
  ];
  expect([...sinks.keys()]).toEqual(scanned);
  for (const text of texts.filter((it) => it.startsWith('kanari')))
    expect(sinksContaining(sinks, [text])).toEqual([databaseSink, 'redis', 'queue user-service.history']);
  expect(
    sinksContaining(
      sinks,
      texts.filter((it) => it.startsWith('+')),
    ),
  ).toEqual([databaseSink, 'redis']);

  await service.start(0, 1);
  const load = startLoad(canaries);
  let halfway = 0;
  for (const [turn, canary] of canaries.entries()) {
    if (await eraseAndKill(turn % 2, canary)) halfway += 1;
    // The other replica continues the last erasure.
    if (turn < canaries.length - 1) await service.start(turn % 2);
  }
  expect(halfway).toBeGreaterThanOrEqual(kills - 1);
  await eventually(async () => {
    expect(await service.sql(`SELECT status FROM erasures WHERE status = 'COMPLETED'`)).toHaveLength(
      canaries.length,
    );
    expect(await service.sql('SELECT 1 FROM outbox_events WHERE published_at IS NULL')).toEqual([]);
  }, patient);
  expect(await load.stop()).toBeGreaterThan(100);

  const late = canaries.flatMap(({ userId, orderId, texts: [text] }) => [
    pointsEarned(userId, { reason: text }),
    paymentFailed(orderId, { errorMessage: text }),
  ]);
  await service.publish(...late);
  // An event that waits for an order has no user until the order arrives; here it is an erased user's.
  const waiting = await service.sql<{ id: string }>('SELECT waits_for_id AS id FROM waiting_events');
  for (const [turn, { id }] of waiting.entries())
    await service.publish(orderPlaced(canaries[turn % canaries.length]?.userId ?? '', { orderId: id }));
  await eventually(async () => {
    const remembered = await service.sql<{ id: string }>('SELECT event_id AS id FROM erased_events');
    const wanted = late.map(({ properties }) => properties.messageId);
    expect(remembered.map(({ id }) => id)).toEqual(expect.arrayContaining(wanted));
    expect(await service.sql('SELECT 1 FROM waiting_events')).toEqual([]);
  }, patient);
  for (const { userId } of canaries) expect((await read(0, userId)).data).toEqual({ user: null });

  await eventually(async () => {
    const after = await readEverySink(service.observed);
    expect([...after.keys()]).toEqual(scanned);
    expect(sinksContaining(after, texts)).toEqual([]);
    // The scan finds texts that may stay, which shows that it reads every sink.
    const [erasedEvent] = service.witness
      .of(canaries[0]?.userId ?? '')
      .filter(({ event }) => event.type === 'UserErased');
    const [seal] = await service.sql<{ hash: string }>(
      `SELECT encode(hash, 'hex') AS hash FROM audit_seals ORDER BY number LIMIT 1`,
    );
    expect(sinksContaining(after, [canaries[0]?.userId ?? ''])).toEqual(
      expect.arrayContaining([databaseSink, 'redis', 'queue user-service.erasures']),
    );
    expect(sinksContaining(after, [erasedEvent?.messageId ?? 'none'])).toEqual(
      expect.arrayContaining([databaseSink, 'queue user-service.erasures']),
    );
    // A killed process loses the spans it has not exported, so one exported span is enough.
    const sent = service.witness.events.map(({ messageId }) => messageId);
    expect(sinksContaining(after, sent)).toContain('traces');
    expect(sinksContaining(after, [seal?.hash ?? 'none'])).toEqual(
      expect.arrayContaining([databaseSink, 'logs']),
    );
    expect(sinksContaining(after, ['operation="read"', 'user_service_'])).toContain('metrics');
  }, patient);

  // Subscribers may keep earlier data until they receive UserErased. From then on, no event has any.
  for (const { userId } of canaries) {
    const events = service.witness.of(userId);
    const erased = events.findIndex(({ event }) => event.type === 'UserErased');
    const afterwards = JSON.stringify(events.slice(erased));
    expect({ erased: erased > 0, leaks: texts.some((text) => afterwards.includes(text)) }).toEqual({
      erased: true,
      leaks: false,
    });
  }
}, 240_000);
