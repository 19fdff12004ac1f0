import { startTestApp, type TestApp } from '../testkit/app';
import {
  commerceOf,
  type ForeignService,
  orderPlaced,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { startTcpProxy, type TcpProxy } from '../testkit/tcp-proxy';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { createUser } from '../testkit/users';

let database: TestDatabase;
let postgres: TcpProxy;
let rabbitmq: TcpProxy;
let app: TestApp;
let others: ForeignService;
beforeAll(async () => {
  database = await createTestDatabase();
  postgres = await startTcpProxy(database.url);
  rabbitmq = await startTcpProxy(process.env['TEST_AMQP_URL'] ?? '');
  app = await startTestApp({ config: { databaseUrl: postgres.url, amqpUrl: rabbitmq.url } });
  others = await startForeignService(app);
});
afterAll(async () => {
  await others.close();
  await app.stop();
  await Promise.all([postgres.close(), rabbitmq.close()]);
  await database.drop();
});

const orders = (id: string, count: number) => Array.from({ length: count }, () => orderPlaced(id));

describe('a fault during folding', () => {
  it('of PostgreSQL or RabbitMQ parks, loses and duplicates no event', async () => {
    const { id } = await createUser(app);
    for (let round = 0; round < 4; round += 1) {
      await others.publish(...orders(id, 300));
      postgres.cut();
      await others.publish(...orders(id, 100));
      rabbitmq.cut();
      postgres.cut();
    }
    await postgres.stop();
    await others.publish(...orders(id, 100));
    // While PostgreSQL is stopped, RabbitMQ redelivers the same messages over new connections.
    for (let round = 0; round < 4; round += 1) {
      await eventually(() => expect(rabbitmq.connections).toBeGreaterThan(1));
      rabbitmq.cut();
    }
    await postgres.resume();
    await eventually(async () => expect((await commerceOf(app, id)).orderCount).toBe(1_700), {
      timeoutMs: 20_000,
      intervalMs: 100,
    });
    expect((await commerceOf(app, id)).spent).toEqual([{ amount: '17000', currency: 'EUR' }]);
    expect(await app.sql('SELECT reason FROM parked_messages')).toEqual([]);
    expect(await app.sql(`SELECT count(*)::int AS n FROM user_history WHERE type = 'ORDER_PLACED'`)).toEqual([
      { n: 1_700 },
    ]);
  }, 60_000);

  it('of the database schema parks no event, and folding succeeds after the fix', async () => {
    const { id } = await createUser(app);
    await app.sql('ALTER TABLE user_spending RENAME TO elsewhere');
    await others.publish(...orders(id, 5));
    await eventually(() =>
      expect(app.logged).toContainEqual(
        expect.objectContaining({ msg: 'a batch of deliveries failed and is retried' }),
      ),
    );
    await app.sql('ALTER TABLE elsewhere RENAME TO user_spending');
    await eventually(async () => expect((await commerceOf(app, id)).orderCount).toBe(5), {
      timeoutMs: 15_000,
    });
    expect(await app.sql('SELECT reason FROM parked_messages')).toEqual([]);
  });
});
