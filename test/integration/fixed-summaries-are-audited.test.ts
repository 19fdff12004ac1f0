import { pino } from 'pino';
import { decryptValues } from '../../src/audit/audit-values';
import { CommerceRepository } from '../../src/commerce/commerce.repository';
import { recompute, type SummaryDifference } from '../../src/commerce/recomputation';
import { RecomputationRepository } from '../../src/commerce/recomputation.repository';
import { openDatabase } from '../../src/data-source';
import { startTestApp, type TestApp } from '../testkit/app';
import { auditTrailOf } from '../testkit/audit';
import { type CommandLine, openCommandLine } from '../testkit/command';
import {
  commerceOf,
  type ForeignService,
  orderPlaced,
  pointsEarned,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { newId, storeUsers } from '../testkit/stored-users';
import { createUser, mutate } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

let commands: CommandLine;
let app: TestApp;
let others: ForeignService;
let witness: Witness;
beforeAll(async () => {
  commands = openCommandLine();
  app = await startTestApp();
  others = await startForeignService(app);
  witness = await startWitness(`${app.amqpPrefix}audit.events`);
});
afterAll(async () => {
  await witness.close();
  await others.close();
  await app.stop();
  await commands.close();
});

const run = (...args: string[]) => commands.run(args, { DATABASE_URL: app.databaseUrl });
const wrongTime = '2027-01-01T00:00:00.000Z';
const rightTime = '2026-03-01T10:00:00.000Z';

/** Creates a user with an order and points and a wrong summary, and returns its id. */
async function createUserWithWrongSummary(): Promise<string> {
  const { id } = await createUser(app);
  await others.publish(
    orderPlaced(id, { total: { value: 0.3, currency: 'EUR' } }),
    pointsEarned(id, { earnedAt: rightTime }),
  );
  await eventually(async () =>
    expect(await commerceOf(app, id)).toMatchObject({ orderCount: 1, loyaltyPoints: 5 }),
  );
  await app.sql(
    'UPDATE user_commerce SET order_count = 7, loyalty_points = 99, last_order_at = $2 WHERE user_id = $1',
    [id, wrongTime],
  );
  await app.sql(`UPDATE user_spending SET amount = 0.4 WHERE user_id = $1`, [id]);
  return id;
}

/** Returns the audit entries of fixes of the user's summary, each with the key of its values if it exists. */
function fixesOf(userId: string) {
  return app.sql<{ id: string; fields: string[]; values: Buffer | null; key: Buffer | null }>(
    `SELECT id, fields, encrypted_values AS values, key FROM audit_entries LEFT JOIN audit_keys USING (user_id)
     WHERE user_id = $1 AND action = 'COMMERCE_RECOMPUTED'`,
    [userId],
  );
}

describe('recompute --fix', () => {
  let userId: string;
  beforeAll(async () => {
    userId = await createUserWithWrongSummary();
  });

  it('changes nothing if its audit entry cannot be written', async () => {
    const wrong = await commerceOf(app, userId);
    await app.sql(`ALTER TABLE audit_entries ADD CONSTRAINT refused CHECK (action <> 'COMMERCE_RECOMPUTED')`);
    const refused = await run('recompute', '--fix');
    await app.sql('ALTER TABLE audit_entries DROP CONSTRAINT refused');
    expect(refused.code).not.toBe(0);
    expect(await commerceOf(app, userId)).toEqual(wrong);
    expect(await fixesOf(userId)).toEqual([]);
  });

  it('writes an audit entry with actor, time, fields and encrypted values before and after', async () => {
    // Without --fix, nothing is written.
    expect((await run('recompute')).code).toBe(1);
    expect(await fixesOf(userId)).toEqual([]);
    const before = Date.now();
    expect((await run('recompute', '--fix')).code).toBe(0);
    expect((await run('recompute', '--fix')).code).toBe(0);
    expect(await commerceOf(app, userId)).toMatchObject({
      orderCount: 1,
      loyaltyPoints: 5,
      lastOrderAt: rightTime,
      spent: [{ amount: '0.3', currency: 'EUR' }],
    });

    const trail = await auditTrailOf(app, userId);
    const [entry, ...more] = trail.filter(({ action }) => action === 'COMMERCE_RECOMPUTED');
    const fields = ['lastOrderAt', 'loyaltyPoints', 'orderCount', 'spent'];
    expect(entry).toMatchObject({ actor: 'command-line', fields, reason: null });
    expect(more).toEqual([]);
    expect(Date.parse(entry?.at ?? '')).toBeGreaterThanOrEqual(before);
    const [fix] = await fixesOf(userId);
    const { id = '', values, key } = fix ?? {};
    if (!values || !key) throw new Error('the values cannot be read');
    expect(decryptValues(key, id, values)).toEqual({
      before: { lastOrderAt: wrongTime, loyaltyPoints: '99', orderCount: 7, spent: { EUR: '0.4' } },
      after: { lastOrderAt: rightTime, loyaltyPoints: '5', orderCount: 1, spent: { EUR: '0.3' } },
    });
    await eventually(() =>
      expect(witness.of(userId).filter(({ messageId }) => messageId === id)).toMatchObject([
        { routingKey: 'audit.user.changed', event: { data: { action: 'COMMERCE_RECOMPUTED', fields } } },
      ]),
    );
  });

  it('is no version of the user in profileAsOf', async () => {
    const auditor = await app.token({ sub: 'auditor', scope: 'users:audit' });
    const query = `query ($userId: ID!, $at: DateTime!) { profileAsOf(userId: $userId, at: $at) { version } }`;
    const [created] = await app.sql('SELECT created_at AS at FROM users WHERE id = $1', [userId]);
    const { data } = await app.graphql(query, { userId, ...created }, { token: auditor });
    expect(data).toEqual({ profileAsOf: { version: 1 } });
  });

  it('leaves an entry without readable values after the user is erased', async () => {
    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    await mutate(app, 'eraseUser', { userId }, officer);
    expect(await fixesOf(userId)).toMatchObject([{ key: null }]);
    expect(await run('audit', 'verify')).toMatchObject({ code: 0 });
  });
});

describe('recompute with concurrent changes', () => {
  /** Recomputes and fixes. Calls `change` between the first read of a batch and the second read of its users. */
  async function recomputeWhile(change: () => Promise<unknown>) {
    const database = openDatabase(app.databaseUrl, pino({ level: 'silent' }), 2);
    await database.connect();
    const commerce = new CommerceRepository(database);
    const listed = commerce.findByUsers.bind(commerce);
    commerce.findByUsers = async (userIds) => {
      const summaries = await listed(userIds);
      await change();
      return summaries;
    };
    const found: SummaryDifference[] = [];
    const batches: number[] = [];
    try {
      const checked = await recompute({
        database,
        commerce,
        repository: new RecomputationRepository(database),
        onFix: async () => undefined,
        onDifference: async (difference) => void found.push(difference),
        onBatch: (users) => batches.push(users),
      });
      return { found, checked, batches };
    } finally {
      await database.close();
    }
  }

  it('keeps summaries whose history was cut by retention, and skips erased users', async () => {
    const [cut, erased] = [await createUserWithWrongSummary(), await createUserWithWrongSummary()];
    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    const { found } = await recomputeWhile(async () => {
      await app.sql(
        "UPDATE user_history SET recorded_at = now() - interval '31 days' WHERE user_id = $1 AND type = 'ORDER_PLACED'",
        [cut],
      );
      const env = { DATABASE_URL: app.databaseUrl, RETENTION_HISTORY_DAYS: '30' };
      expect(await commands.run(['retention'], env)).toMatchObject({ code: 0 });
      await mutate(app, 'eraseUser', { userId: erased }, officer);
    });
    expect(found).toEqual([]);
    expect(await commerceOf(app, cut)).toMatchObject({ orderCount: 7 });
  });

  it('reports no difference for a summary that is right by the second read', async () => {
    const id = await createUserWithWrongSummary();
    const { found } = await recomputeWhile(async () => {
      await app.sql(
        'UPDATE user_commerce SET order_count = 1, loyalty_points = 5, last_order_at = $2 WHERE user_id = $1',
        [id, rightTime],
      );
      await app.sql('UPDATE user_spending SET amount = 0.3 WHERE user_id = $1', [id]);
    });
    expect(found).toEqual([]);
  });

  it('checks all users, and calls onBatch after each full batch of 500', async () => {
    const users = await app.sql(
      'SELECT id FROM users WHERE id NOT IN (SELECT user_id FROM user_commerce WHERE history_is_cut)',
    );
    const store = (count: number) =>
      storeUsers(
        app,
        Array.from({ length: count }, () => ({ id: newId('ACTIVE'), state: 'ACTIVE' as const })),
      );
    await store(500 - users.length);
    expect(await recomputeWhile(async () => undefined)).toEqual({ found: [], checked: 500, batches: [500] });
    await store(1);
    expect(await recomputeWhile(async () => undefined)).toEqual({ found: [], checked: 501, batches: [500] });
  });
});
