import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../testkit/app';
import { startAuthenticationService } from '../testkit/authentication-service';
import type { ProgrammableServer } from '../testkit/programmable-server';
import { connectTestRedis, findKeys } from '../testkit/test-redis';
import { buildUser, createUser, mutate } from '../testkit/users';

let authentication: ProgrammableServer;
let app: TestApp;
let replica: TestApp;
beforeAll(async () => {
  authentication = await startAuthenticationService();
  const config = { authenticationServiceUrl: authentication.url.href };
  app = await startTestApp({ config });
  replica = await startTestApp({ config, replicaOf: app });
});
afterAll(async () => {
  await replica.stop();
  await app.stop();
  await authentication.close();
});

const secret = 'Zx9-canary-password-9xZ';
const build = (overrides: object = {}) =>
  buildUser({ password: secret, userId: randomUUID(), idempotencyKey: randomUUID(), ...overrides });

describe('the password of a new user', () => {
  /** Everything that the service stores or outputs, one text for each place. */
  async function readPlaces(results: unknown[]): Promise<Record<string, string>> {
    const tables = await app.sql<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
    );
    const rows: unknown[] = [];
    for (const { name } of tables) rows.push(await app.sql(`SELECT t::text AS row FROM "${name}" t`));
    const redis = connectTestRedis();
    try {
      const keys = await findKeys(redis, app.redisPrefix);
      const values = await Promise.all(keys.map((key) => redis.dump(key)));
      const cached = await Promise.all(keys.map((key) => redis.get(key)));
      const metrics = await (await fetch(`${app.url}/metrics`)).text();
      return {
        database: JSON.stringify(rows),
        redis: JSON.stringify([keys, cached, values]),
        logs: JSON.stringify([app.logged, replica.logged]),
        metrics,
        results: JSON.stringify(results),
      };
    } finally {
      redis.disconnect();
    }
  }

  it('is in no table, cache, log line, metric or response', async () => {
    const canary = 'Canarybird';
    const results: unknown[] = [];
    const attempt = async (input: Record<string, unknown>) =>
      results.push(await mutate(app, 'createUser', input));
    await attempt(build({ lastName: canary }));
    authentication.always({ status: 422, body: { reason: `${secret} is too easy` } });
    await attempt(build());
    authentication.always({ status: 503 });
    const pending = build({ lastName: canary });
    await attempt(pending);
    authentication.always({ status: 400, body: { error: secret } });
    await attempt(pending);
    await attempt(build({ firstName: '', timeZone: secret }));
    for (const bad of [
      `{ createUser(input: { password: "${secret}" }) { id } }`,
      `mutation { x(password: "${secret}") `,
    ])
      results.push(await app.graphql(bad, {}, { token: app.staff }));
    results.push(
      await app.graphql('mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }', {
        input: { ...build({ password: [secret] }), [secret]: secret },
      }),
    );
    await createUser(app, { lastName: canary });

    const places = await readPlaces(results);
    const spelled = (text: string) => [
      text,
      Buffer.from(text).toString('base64').slice(0, -3),
      Buffer.from(text).toString('hex'),
    ];
    for (const [place, content] of Object.entries(places))
      for (const text of spelled(secret))
        expect({ place, leaked: content.includes(text) }).toEqual({ place, leaked: false });
    // The same search finds what is stored there.
    expect(places.database).toContain(canary);
    expect(places.redis).toContain(canary);
    expect(places.results).toContain(canary);
    expect(places.logs).toContain(pending.userId);
    expect(places.metrics).toContain('createUser');
  });
});
