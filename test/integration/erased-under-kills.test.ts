import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { send } from '../testkit/app';
import { orderPlaced, paymentFailed, pointsEarned } from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { readEverySink } from '../testkit/every-sink';
import { useKillableService } from '../testkit/killable-service';
import { withHeader } from '../testkit/message-variants';
import { sinksContaining } from '../testkit/sinks';

const historyLength = 10_000;
const patient = { timeoutMs: 60_000, intervalMs: 50 };

interface Canary {
  userId: string;
  orderId: string;
  texts: string[];
}

const service = useKillableService();

/** Calls a mutation with the canary in what a request may carry beside it; answers the member of the union. */
async function call(at: number, mutation: string, input: object, token: string, text = 'none'): Promise<any> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const query = `mutation ($input: ${type}) { ${mutation}(input: $input) { __typename } }`;
  const headers = {
    'x-canary': text,
    'user-agent': text,
    cookie: `canary=${text}`,
    referer: `http://${text}/`,
  };
  const { data } = await send(service.urlOf(at), { query, variables: { input } }, { token, headers });
  return data?.[mutation];
}

const read = (at: number, userId: string) =>
  send(
    service.urlOf(at),
    {
      query: 'query ($id: ID!) { user(id: $id) { email history(first: 10) { nodes { summary } } } }',
      variables: { id: userId },
    },
    { token: service.staff },
  );

/** A user with a text of one's own in every field that takes one, in what tells of the user, and in what is refused. */
async function createCanary(): Promise<Canary> {
  const text = `kanari${randomBytes(5).toString('hex')}`;
  const phoneNumber = `+49${randomInt(10 ** 9, 10 ** 10)}`;
  const userId = uuidv7();
  const orderId = uuidv7();
  const profile = {
    firstName: text,
    lastName: text,
    displayName: text,
    phoneNumber,
    address: { street: text, city: text, state: text, postalCode: text, country: text },
  };
  const own = { email: `${text}@example.com`, username: `${text}-name`, idempotencyKey: text, ...profile };
  expect(await call(0, 'createUser', { userId, ...own }, service.staff, text)).toEqual({
    __typename: 'CreateUserSuccess',
  });
  await call(0, 'updateUser', { userId, email: `${text}-new@example.com` }, service.staff, text);
  const decision = { newsletter: true, source: text, wordingVersion: text };
  await call(1, 'updateEmailPreferences', { userId, ...decision }, service.staff, text);
  await call(1, 'requestEmailVerification', { userId }, service.staff, text);
  await call(1, 'deactivateUser', { userId, notes: text }, service.staff, text);
  await call(0, 'reactivateUser', { userId, notes: text }, service.staff, text);
  await call(0, 'placeLegalHold', { userId, reason: text }, service.officer, text);
  await call(0, 'releaseLegalHold', { userId, reason: text }, service.officer, text);
  // Refused, in every way that there is.
  await call(
    0,
    'createUser',
    { ...own, idempotencyKey: null, firstName: text.repeat(20) },
    service.staff,
    text,
  );
  await call(0, 'updateUser', { userId, locale: text, timeZone: text, nobody: text }, service.staff, text);
  await call(0, 'confirmEmail', { token: text }, service.staff, text);
  await call(0, 'updateUser', { userId }, text, text);
  await send(service.urlOf(0), { query: `{ user(id: "${text}") { ${text} } }` }, { token: service.staff });
  await send(service.urlOf(0), `{ "query": "${text}`, { token: service.staff });
  await service.publish(
    orderPlaced(userId, { orderId, note: text }),
    pointsEarned(userId, { reason: text }),
    paymentFailed(orderId, { errorMessage: text, errorCode: text }),
    // Readable, but for its points; with a header that nobody asked for.
    withHeader(pointsEarned(userId, { points: -1, reason: text }), text),
  );
  await service.sql(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     SELECT gen_random_uuid(), $1::uuid, 'ORDER_PLACED', now(), now(), 'test', $1::text || n, $2, '{}'
     FROM generate_series(1, $3::int) AS n`,
    [userId, text, historyLength],
  );
  return { userId, orderId, texts: [text, phoneNumber] };
}

/** Reads and updates of these users on both replicas, whatever becomes of each, until it is told to end. */
function startLoad(canaries: readonly Canary[]): { stop(): Promise<number> } {
  let stopping = false;
  let answered = 0;
  const workers = [0, 1].map(async (at) => {
    for (let turn = 0; !stopping; turn += 1) {
      const { userId, texts } = canaries[turn % canaries.length] as Canary;
      const work =
        turn % 3 === 0
          ? call(at, 'updateUser', { userId, displayName: `${texts[0]} ${turn}` }, service.staff)
          : read(at, userId);
      // A replica that was just killed answers nothing.
      await work.then(
        () => (answered += 1),
        () => undefined,
      );
    }
  });
  return {
    async stop() {
      stopping = true;
      await Promise.all(workers);
      return answered;
    },
  };
}

/** Has a replica erase the user, and kills it while it is at it; answers whether the erasure was half-way. */
async function eraseAndKill(at: number, { userId }: Canary): Promise<boolean> {
  const asked = call(at, 'eraseUser', { userId }, service.officer).catch(() => undefined);
  await eventually(
    async () =>
      expect(await service.sql('SELECT 1 FROM erasures WHERE user_id = $1', [userId])).toHaveLength(1),
    { timeoutMs: 20_000, intervalMs: 1 },
  );
  await service.kill(at);
  const [erasure] = await service.sql<{ status: string }>('SELECT status FROM erasures WHERE user_id = $1', [
    userId,
  ]);
  await asked;
  return erasure?.status === 'RUNNING';
}

it('leaves nothing of erased users in any sink, though the service is killed while it erases them under load', async () => {
  await service.start(0, 1);
  await eventually(async () => {
    const health = service.observed
      .running()
      .map(async ({ url }) => (await fetch(`${url}/health/ready`)).json());
    for (const answer of await Promise.all(health)) expect(answer).toEqual({ status: 'ready', degraded: [] });
  }, patient);
  const canaries: Canary[] = [];
  for (let count = 0; count < 3; count += 1) canaries.push(await createCanary());
  const texts = canaries.flatMap((canary) => canary.texts);
  await eventually(
    async () => expect(await service.sql('SELECT 1 FROM parked_messages')).toHaveLength(canaries.length),
    patient,
  );
  for (const { userId } of canaries) await read(0, userId);
  await service.kill(0, 1);
  // Nobody takes them from the queue for now; one is about an order that is not known yet.
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
    await service.start(turn % 2);
  }
  expect(halfway).toBeGreaterThanOrEqual(2);
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
  // An event that waits for an order belongs to nobody until that is known: here it turns out to be theirs.
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
    // What may be there is found, so the scan looks where it says.
    const [told] = service.witness
      .of(canaries[0]?.userId ?? '')
      .filter(({ event }) => event.type === 'UserErased');
    const [seal] = await service.sql<{ hash: string }>(
      `SELECT encode(hash, 'hex') AS hash FROM audit_seals ORDER BY number LIMIT 1`,
    );
    expect(sinksContaining(after, [canaries[0]?.userId ?? ''])).toEqual(
      expect.arrayContaining([databaseSink, 'redis', 'queue user-service.erasures']),
    );
    expect(sinksContaining(after, [told?.messageId ?? 'none'])).toEqual(
      expect.arrayContaining([databaseSink, 'queue user-service.erasures']),
    );
    // Spans that a killed process has not exported yet are gone: somebody's are there.
    const sent = service.witness.events.map(({ messageId }) => messageId);
    expect(sinksContaining(after, sent)).toContain('traces');
    expect(sinksContaining(after, [seal?.hash ?? 'none'])).toEqual(
      expect.arrayContaining([databaseSink, 'logs']),
    );
    expect(sinksContaining(after, ['operation="read"', 'user_service_'])).toContain('metrics');
  }, patient);

  // What others were told before they may hold until they are told of the erasure; after it, nothing goes out.
  for (const { userId } of canaries) {
    const events = service.witness.of(userId);
    const erased = events.findIndex(({ event }) => event.type === 'UserErased');
    const afterwards = JSON.stringify(events.slice(erased));
    expect({ erased: erased > 0, told: texts.some((text) => afterwards.includes(text)) }).toEqual({
      erased: true,
      told: false,
    });
  }
}, 240_000);
