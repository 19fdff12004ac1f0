import { startTestApp, type TestApp } from '../testkit/app';
import { startAuthenticationService } from '../testkit/authentication-service';
import { leaksIn } from '../testkit/canaries';
import { CanaryCalls } from '../testkit/canary-calls';
import type { ProgrammableServer } from '../testkit/programmable-server';
import { createUser } from '../testkit/users';

let app: TestApp;
let authentication: ProgrammableServer;
let calls: CanaryCalls;
beforeAll(async () => {
  authentication = await startAuthenticationService();
  app = await startTestApp({ config: { authenticationServiceUrl: authentication.url.href } });
  calls = await CanaryCalls.of(app);
});
afterAll(async () => {
  await app.stop();
  await authentication.close();
});

describe('responses and logs', () => {
  const broken = `'kanari-fault ' || to_jsonb(NEW)::text`;
  it.each([
    [
      'a constraint that quotes the row',
      `ALTER TABLE users ADD CONSTRAINT fault CHECK (first_name IS NULL) NOT VALID`,
      'ALTER TABLE users DROP CONSTRAINT fault',
    ],
    [
      'a trigger that quotes the row',
      `CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING message = ${broken}, detail = ${broken}, hint = ${broken}; END $$;
       CREATE TRIGGER fault BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION fault()`,
      'DROP FUNCTION fault CASCADE',
    ],
    [
      'a missing column',
      'ALTER TABLE users RENAME last_name TO gone',
      'ALTER TABLE users RENAME gone TO last_name',
    ],
    [
      'a column of another type',
      'ALTER TABLE users RENAME locale TO gone; ALTER TABLE users ADD locale integer',
      'ALTER TABLE users DROP locale; ALTER TABLE users RENAME gone TO locale',
    ],
    [
      'a missing history table',
      'ALTER TABLE user_history RENAME TO gone',
      'ALTER TABLE gone RENAME TO user_history',
    ],
    [
      'a missing outbox table',
      'ALTER TABLE outbox_events RENAME TO gone',
      'ALTER TABLE gone RENAME TO outbox_events',
    ],
  ])('do not leak an error of PostgreSQL: %s', async (_what, fault, undo) => {
    await calls.renewUsers();
    await app.sql(fault);
    const before = app.logged.length;
    const bodies: string[] = [];
    try {
      for (const operation of calls.operations) bodies.push(await calls.call(operation));
    } finally {
      await app.sql(undo);
    }
    const masked = bodies.filter((text) => text.includes('INTERNAL_SERVER_ERROR'));
    expect(masked.length).toBeGreaterThan(0);
    for (const text of masked) expect(text).toMatch(/Quote the request id [0-9a-f-]{36} /);
    expect(bodies.flatMap((text) => leaksIn(text))).toEqual([]);
    expect(app.logged.slice(before).filter(({ level }) => level === 'error').length).toBeGreaterThan(0);
    expect(app.logged.flatMap((line) => leaksIn(JSON.stringify(line), { isLog: true }))).toEqual([]);
  });

  it('name a statement that takes more than a second, without its text and values', async () => {
    const before = app.logged.length;
    await app.sql(
      `CREATE FUNCTION delay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1.1); RETURN NEW; END $$;
       CREATE TRIGGER delay BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION delay()`,
    );
    const { email } = await createUser(app);
    await app.sql('DROP FUNCTION delay CASCADE');
    const slow = app.logged.slice(before).filter(({ msg }) => msg === 'slow query');
    expect(slow).toContainEqual(
      expect.objectContaining({ level: 'warn', statement: 'INSERT users', durationMs: expect.any(Number) }),
    );
    for (const { durationMs } of slow) expect(durationMs).toBeGreaterThan(1000);
    expect(JSON.stringify(slow)).not.toContain(email);
  });
});
