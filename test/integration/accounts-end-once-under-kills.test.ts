import { v7 as uuidv7 } from 'uuid';
import { lockKeys } from '../../src/postgres/locks';
import { eventually } from '../testkit/eventually';
import { callMutation } from '../testkit/killable-canary';
import { useKillableService } from '../testkit/killable-service';
import { buildUser } from '../testkit/users';

/** Times that both replicas are killed, of warnings and of ends each. `npm run faults:life` kills more. */
const kills = Number(process.env['LIFE_KILLS'] ?? 1);
const usersPerKill = 40;
const patient = { timeoutMs: 60_000, intervalMs: 50 };

const service = useKillableService({
  env: { RETENTION_INACTIVE_DAYS: '100', INACTIVITY_WARNING_DAYS: '30' },
  retentionIntervalMs: 20,
});

/** Creates users and returns their ids. */
async function createUsers(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => uuidv7());
  const created = ids.map((userId, at) =>
    callMutation(service, at % 2, 'createUser', { input: buildUser({ userId }), token: service.staff }),
  );
  expect(await Promise.all(created)).toEqual(ids.map(() => ({ __typename: 'CreateUserSuccess' })));
  return ids;
}

const lockRetention = () => service.sql('SELECT pg_advisory_lock($1::bigint)', [lockKeys.retention]);
const unlockRetention = () => service.sql('SELECT pg_advisory_unlock($1::bigint)', [lockKeys.retention]);

/** Lets retention work until a part of it is done, kills both replicas, and repeats this until all is done. */
async function killWhile(countDone: () => Promise<number>, total: number): Promise<void> {
  for (let kill = 0; kill < kills; kill += 1) {
    await unlockRetention();
    const part = (total * (kill + 0.5)) / kills;
    await eventually(async () => expect(await countDone()).toBeGreaterThan(part), {
      ...patient,
      intervalMs: 1,
    });
    await service.kill(0, 1);
    await lockRetention();
    expect(await countDone()).toBeLessThan(total);
    await service.start(0, 1);
  }
  await unlockRetention();
  await eventually(async () => {
    expect(await countDone()).toBe(total);
    expect(await service.sql('SELECT 1 FROM outbox_events WHERE published_at IS NULL')).toEqual([]);
  }, patient);
  await lockRetention();
}

const count = async (sql: string): Promise<number> =>
  (await service.sql<{ count: number }>(`SELECT count(*)::int AS count FROM ${sql}`))[0]?.count ?? 0;

/** The published events of a user without repeats, as routing key and sequence. */
function published(userId: string): [string, number][] {
  const events = new Map(service.witness.of(userId).map((it) => [it.messageId, it]));
  return [...events.values()].map(({ routingKey, event }) => [routingKey, Number(event.sequence ?? 0)]);
}

it('inactive users are warned and deactivated once, and scheduled erasures done once, when replicas are killed', async () => {
  const half = kills * usersPerKill;
  await lockRetention();
  await service.start(0, 1);
  const inactive = await createUsers(half);
  await service.sql(`UPDATE users SET created_at = now() - interval '101 days'`);
  const leaving = await createUsers(half);
  for (const userId of leaving)
    await callMutation(service, 0, 'eraseUser', { input: { userId, graceDays: 1 }, token: service.officer });
  await killWhile(() => count('inactivity_warnings'), half);

  await service.sql(
    `UPDATE inactivity_warnings SET warned_at = warned_at - interval '31 days',
       published_at = now() - interval '31 days'`,
  );
  await service.sql('UPDATE erasures SET scheduled_for = now()');
  const ended = `users WHERE status_reason = 'INACTIVITY'`;
  await killWhile(
    async () => (await count(ended)) + (await count(`erasures WHERE status = 'COMPLETED'`)),
    2 * half,
  );

  for (const userId of inactive)
    expect(published(userId)).toEqual([
      ['user.created', 1],
      ['user.inactivity-warned', 0],
      ['user.deactivated', 2],
    ]);
  for (const userId of leaving)
    expect(published(userId)).toEqual([
      ['user.created', 1],
      ['user.deactivated', 2],
      ['user.erasure-scheduled', 0],
      ['user.erased', 3],
    ]);
  expect(await count('users WHERE version = 2')).toBe(half);
  expect(await count('erased_users')).toBe(half);
  expect(await count('erasures')).toBe(half);
  const each = (sql: string) =>
    service.sql<{ userId: string }>(sql).then((rows) => rows.map((it) => it.userId).sort());
  expect(await each(`SELECT user_id AS "userId" FROM user_history WHERE type = 'USER_DEACTIVATED'`)).toEqual(
    inactive,
  );
  const audited = (action: string) =>
    each(`SELECT user_id AS "userId" FROM audit_entries WHERE action = '${action}'`);
  expect(await audited('INACTIVITY_WARNED')).toEqual(inactive);
  expect(await audited('USER_ERASED')).toEqual(leaving);
  expect(await audited('USER_DEACTIVATED')).toEqual([...inactive, ...leaving].sort());
}, 240_000);
