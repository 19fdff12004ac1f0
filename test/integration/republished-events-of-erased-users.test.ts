import { Client } from 'pg';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { createUser, mutate } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

let app: TestApp;
let officer: string;
let witness: Witness;
beforeAll(async () => {
  app = await startTestApp();
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
  witness = await startWitness(`${app.amqpPrefix}user.events`);
});
afterAll(async () => {
  await witness.close();
  await app.stop();
});

const typesOf = (userId: string) => witness.of(userId).map(({ event }) => event.type);

describe('republish during an erasure', () => {
  it('publishes no event of the user, whichever of the two commits first', async () => {
    const { id } = await createUser(app);
    await eventually(() => expect(typesOf(id)).toEqual(['UserCreated']));
    await eventually(async () =>
      expect(await app.sql('SELECT 1 FROM outbox_events WHERE published_at IS NULL')).toEqual([]),
    );
    const republish = new Client({ connectionString: app.databaseUrl });
    await republish.connect();
    await republish.query('BEGIN');
    await republish.query(
      `UPDATE outbox_events SET published_at = NULL WHERE id IN (
         SELECT id FROM outbox_events WHERE user_id = $1 AND type = 'UserCreated' FOR UPDATE)`,
      [id],
    );
    const erasing = mutate(app, 'eraseUser', { userId: id }, officer);
    await eventually(async () =>
      expect(
        await app.sql(
          `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
        ),
      ).not.toEqual([]),
    );
    await republish.query('COMMIT');
    await republish.end();
    const { erasure } = await erasing;
    await eventually(async () =>
      expect(await app.sql('SELECT status FROM erasures WHERE id = $1', [erasure.id])).toEqual([
        { status: 'COMPLETED' },
      ]),
    );
    expect(
      await app.sql(`SELECT type FROM outbox_events WHERE user_id = $1 AND type NOT LIKE 'UserData%'`, [id]),
    ).toEqual([{ type: 'UserErased' }]);
    const { id: later } = await createUser(app);
    await eventually(() => expect(typesOf(later)).toEqual(['UserCreated']));
    await eventually(() => expect(typesOf(id)).toEqual(['UserCreated', 'UserErased']));
  });

  it('leaves no event of an erased user to be published', async () => {
    const { id } = await createUser(app);
    await eventually(() => expect(typesOf(id)).toEqual(['UserCreated']));
    await mutate(app, 'eraseUser', { userId: id }, officer);
    await eventually(() => expect(typesOf(id)).toEqual(['UserCreated', 'UserErased']));
    // As a replica leaves it whose republish was slower than the erasure.
    await app.sql(
      `INSERT INTO outbox_events (id, user_id, version, type, data, occurred_at, lane)
       VALUES (gen_random_uuid(), $1, 1, 'UserCreated', '{}', now(), 0)`,
      [id],
    );
    const { id: later } = await createUser(app);
    await mutate(app, 'updateUser', { userId: later, firstName: 'B' });
    await eventually(() => expect(typesOf(later)).toEqual(['UserCreated', 'UserUpdated']));
    expect(typesOf(id)).toEqual(['UserCreated', 'UserErased']);
  });
});
