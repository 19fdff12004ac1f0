import { v7 as uuidv7 } from 'uuid';
import { startTestApp, type TestApp } from '../testkit/app';
import { auditTrailOf } from '../testkit/audit';
import { type CommandLine, type CommandResult, openCommandLine } from '../testkit/command';
import {
  commerceOf,
  type ForeignService,
  orderPlaced,
  paymentFailed,
  signedIn,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { createUser } from '../testkit/users';

let commands: CommandLine;
let app: TestApp;
let others: ForeignService;
beforeAll(async () => {
  commands = openCommandLine();
  app = await startTestApp();
  others = await startForeignService(app);
});
afterAll(async () => {
  await others.close();
  await app.stop();
  await commands.close();
});

const run = (...args: string[]) => commands.run(args, { DATABASE_URL: app.databaseUrl });
const lines = ({ stdout }: CommandResult) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const parkedCount = async () => (await app.sql('SELECT 1 FROM parked_messages')).length;

describe('the parked command', () => {
  it('lists and shows messages, and replay folds them after their cause is fixed', async () => {
    const { id } = await createUser(app);
    const orderId = uuidv7();
    await app.sql(`ALTER TABLE user_spending ADD CONSTRAINT refuse CHECK (currency <> 'CHF')`);
    const order = orderPlaced(id, { orderId, total: { value: 5, currency: 'CHF' } });
    const hopeless = { ...orderPlaced(id), body: Buffer.from([0xff, 0x00]) };
    // Waits for an order that is parked.
    await others.publish(order, hopeless, paymentFailed(orderId));
    await eventually(async () => {
      expect(await parkedCount()).toBe(2);
      expect(await app.sql('SELECT 1 FROM waiting_events')).toHaveLength(1);
    });
    await app.sql('ALTER TABLE user_spending DROP CONSTRAINT refuse');

    const listed = await run('parked', 'list', '--json');
    expect(listed).toMatchObject({ code: 0, stderr: '2 parked\n' });
    const documents = lines(listed);
    expect(documents).toContainEqual({
      id: expect.any(String),
      reason: 'CANNOT_BE_FOLDED',
      type: 'OrderPlaced',
      source: '/order.events',
      eventId: order.properties.messageId,
      parkedAt: expect.stringMatching(/^2\d{3}-.*Z$/),
      attempts: 1,
      body: order.body.toString(),
    });
    expect(documents).toContainEqual(
      expect.objectContaining({ reason: 'INVALID_ENCODING', bodyBase64: hopeless.body.toString('base64') }),
    );
    const plain = await run('parked', 'list');
    expect(plain.stdout).toMatch(/CANNOT_BE_FOLDED {2}OrderPlaced .*\n2 parked\n$/s);

    const parkedOrder = documents.find(({ reason }) => reason === 'CANNOT_BE_FOLDED')?.id as string;
    const shown = JSON.parse((await run('parked', 'show', parkedOrder)).stdout);
    const line = (await run('parked', 'show', parkedOrder, '--json')).stdout;
    // Printed three times; the plain list has no personal data.
    const trail = await auditTrailOf(app, id);
    expect(trail.filter(({ actor }) => actor === 'command-line')).toEqual(
      Array(3).fill(expect.objectContaining({ action: 'USER_READ', fields: ['parkedMessages'] })),
    );
    expect([line.split('\n').length, JSON.parse(line)]).toEqual([2, shown]);
    expect(shown).toMatchObject({
      id: parkedOrder,
      exchange: 'order.events',
      routingKey: 'order.placed',
      userId: id,
    });

    const replayed = await run('parked', 'replay', '--all');
    expect(replayed).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/\n1 replayed, 1 still parked\n$/),
    });
    expect(replayed.stdout).toContain(`${parkedOrder}  folded\n`);
    // The payment that waited for the order is folded, too.
    await eventually(async () => {
      expect(await commerceOf(app, id)).toMatchObject({
        orderCount: 1,
        failedPaymentCount: 1,
        spent: [{ amount: '5', currency: 'CHF' }],
      });
    });
    expect(await parkedCount()).toBe(1);
  });

  it('replays a bare message with the AMQP timestamp that it was received with', async () => {
    const { id } = await createUser(app);
    await app.sql(`ALTER TABLE user_spending ADD CONSTRAINT refuse CHECK (currency <> 'NOK')`);
    const { exchange, routingKey } = orderPlaced(id);
    const order = { orderId: uuidv7(), userId: id, total: { value: 5, currency: 'NOK' } };
    const timestamp = Date.parse('2026-02-03T04:05:06Z') / 1_000;
    const properties = {
      contentType: 'application/json',
      messageId: uuidv7(),
      type: 'OrderPlaced',
      timestamp,
    };
    const before = await parkedCount();
    await others.publish({ exchange, routingKey, body: Buffer.from(JSON.stringify(order)), properties });
    await eventually(async () => expect(await parkedCount()).toBe(before + 1));
    await app.sql('ALTER TABLE user_spending DROP CONSTRAINT refuse');
    await run('parked', 'replay', '--all');
    expect(await commerceOf(app, id)).toMatchObject({
      orderCount: 1,
      lastOrderAt: '2026-02-03T04:05:06.000Z',
    });
  });

  it('replays a sign-in, which is then no longer parked', async () => {
    const { id } = await createUser(app);
    const { exchange, routingKey, body, properties } = signedIn(id, '2026-03-01T09:00:00.000Z');
    const [row] = await app.sql<{ id: string }>(
      `INSERT INTO parked_messages (id, fingerprint, reason, detail, exchange, routing_key, content_type, headers, body, attempts)
       VALUES (gen_random_uuid(), $1, 'CRASHED', '', $2, $3, $4, '{}', $5, 1) RETURNING id`,
      [id, exchange, routingKey, properties.contentType, body],
    );
    const before = await parkedCount();
    const replayed = await run('parked', 'replay', row?.id ?? '', '--json');
    expect(lines(replayed)).toEqual([{ id: row?.id, result: 'folded' }]);
    expect(await parkedCount()).toBe(before - 1);
    expect(await app.sql('SELECT last_seen_at FROM user_activity WHERE user_id = $1', [id])).toEqual([
      { last_seen_at: new Date('2026-03-01T09:00:00.000Z') },
    ]);
  });

  it('shows, replays and discards a message by its id in capitals', async () => {
    const { id: userId } = await createUser(app);
    await app.sql('DELETE FROM parked_messages');
    await others.publish(orderPlaced(userId, { placedAt: 'soon' }));
    await eventually(async () => expect(await parkedCount()).toBe(1));
    const [row] = await app.sql<{ id: string }>('SELECT id FROM parked_messages');
    const id = row?.id.toUpperCase() ?? '';
    expect(JSON.parse((await run('parked', 'show', id)).stdout)).toMatchObject({ id: row?.id, userId });
    expect(await run('parked', 'replay', id)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('0 replayed, 1 still parked'),
    });
    expect(await run('parked', 'discard', id, '--reason', 'a test')).toMatchObject({ code: 0 });
    expect(await parkedCount()).toBe(0);
  });

  it('exits with 1 for unknown ids and with 2 for wrong arguments', async () => {
    expect(await run('parked', 'show', uuidv7())).toMatchObject({ code: 1, stdout: '' });
    expect(await run('parked', 'replay', 'nonsense', '--json')).toMatchObject({
      code: 1,
      stdout: '{"id":"nonsense","result":"unknown"}\n',
      stderr: '0 replayed, 0 still parked, 1 unknown\n',
    });
    expect(await run('parked', 'replay')).toMatchObject({ code: 2, stdout: '' });
    expect(await run('parked', 'replay', uuidv7(), '--all')).toMatchObject({ code: 2, stdout: '' });
  });
});
describe('parked discard', () => {
  const discard = (...args: string[]) => run('parked', 'discard', ...args);

  it('deletes the messages and audits it for each user they name', async () => {
    const [named, buyer] = await Promise.all([createUser(app), createUser(app)]);
    const orderId = uuidv7();
    await others.publish(orderPlaced(buyer.id, { orderId }));
    await eventually(async () => expect((await commerceOf(app, buyer.id)).orderCount).toBe(1));
    await app.sql('DELETE FROM parked_messages');
    const kept = { ...orderPlaced(named.id), body: Buffer.from('kept') };
    await others.publish(
      orderPlaced(named.id, { placedAt: 'soon' }),
      paymentFailed(orderId, { timestamp: 'soon' }),
      kept,
    );
    await eventually(async () => expect(await parkedCount()).toBe(3));
    const ids = (
      await app.sql<{ id: string }>(
        `SELECT id FROM parked_messages WHERE reason = 'INVALID_TIME' ORDER BY id`,
      )
    ).map(({ id }) => id);

    const done = await discard(...ids, uuidv7(), '--reason', 'sent by a test of the shop');
    expect(done).toMatchObject({ code: 1, stdout: expect.stringMatching(/\n2 discarded, 1 unknown\n$/) });
    expect(await parkedCount()).toBe(1);
    for (const { id } of [named, buyer])
      expect((await auditTrailOf(app, id)).at(-1)).toMatchObject({
        action: 'PARKED_MESSAGE_DISCARDED',
        actor: 'command-line',
        fields: ['parkedMessages'],
        reason: 'sent by a test of the shop',
      });
    expect(await discard(ids[0] as string, '--reason', 'x'.repeat(500), '--json')).toMatchObject({
      code: 1,
      stdout: `{"id":"${ids[0]}","result":"unknown"}\n`,
      stderr: '0 discarded, 1 unknown\n',
    });
  });

  it.each([
    ['no reason', [uuidv7()]],
    ['a blank reason', [uuidv7(), '--reason', ' ']],
    ['a reason of 501 characters', [uuidv7(), '--reason', 'x'.repeat(501)]],
    ['no id', ['--reason', 'x']],
  ])('exits with 2 for %s', async (_what, args) => {
    expect(await discard(...args)).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('recompute', () => {
  it('prints summaries that differ from the history, and fixes them with --fix', async () => {
    const { id } = await createUser(app);
    await others.publish(
      ...[0.1, 0.2].map((value) => orderPlaced(id, { total: { value, currency: 'EUR' } })),
    );
    await eventually(async () => expect((await commerceOf(app, id)).orderCount).toBe(2));
    expect(await run('recompute')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d users, 0 different\n$/),
      stderr: '',
    });

    const right = await commerceOf(app, id);
    await app.sql('UPDATE user_commerce SET order_count = 7, last_order_at = now() WHERE user_id = $1', [id]);
    await app.sql(`UPDATE user_spending SET amount = 0.4 WHERE user_id = $1`, [id]);
    const found = await run('recompute', '--json');
    expect(found.code).toBe(1);
    expect(lines(found)).toEqual([
      {
        userId: id,
        stored: expect.objectContaining({ orderCount: 7, spent: { EUR: '0.4' } }),
        recomputed: expect.objectContaining({ orderCount: 2, spent: { EUR: '0.3' } }),
      },
    ]);
    expect((await auditTrailOf(app, id)).at(-1)).toMatchObject({
      action: 'USER_READ',
      actor: 'command-line',
      fields: ['commerce'],
    });
    expect(await run('recompute', '--fix')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(', 1 fixed\n'),
    });
    expect(await commerceOf(app, id)).toEqual(right);
    expect(await run('recompute')).toMatchObject({ code: 0 });
  });
});
