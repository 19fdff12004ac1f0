import { startTestApp, type TestApp } from '../testkit/app';
import { startAuthenticationService } from '../testkit/authentication-service';
import { canaries, invalidTexts, invalidValues, leaksIn } from '../testkit/canaries';
import { CanaryCalls } from '../testkit/canary-calls';
import { leafPaths, withValueAt } from '../testkit/json-values';
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

/** What is wrong with response bodies: leaks, and internal errors where the caller made the mistake. */
const problemsOf = (bodies: string[]) => [
  ...bodies.flatMap((text) => leaksIn(text)),
  ...bodies.filter((text) => text.includes('INTERNAL_SERVER_ERROR')),
];
const logLeaks = () => app.logged.flatMap((line) => leaksIn(JSON.stringify(line), { isLog: true }));

describe('responses and logs', () => {
  it('are checked for every operation', () => {
    expect(calls.operations).toEqual(expect.arrayContaining(['createUser', 'users', '_entities', 'history']));
  });

  it('do not repeat valid arguments', async () => {
    for (const operation of calls.operations) {
      const args = () => calls.argumentsOf(operation);
      const bodies = [await calls.call(operation, args()), await calls.call(operation, args(), true)];
      expect([operation, problemsOf(bodies)]).toEqual([operation, []]);
      expect(bodies.join()).not.toContain('BAD_USER_INPUT');
    }
    expect(authentication.requests.map(({ body }) => body).join()).toContain(canaries.password);
  });

  it('do not repeat invalid arguments, which cause no internal error', async () => {
    for (const [turn, operation] of calls.operations.entries()) {
      const poisoned = (poison: unknown, paths = leafPaths(calls.argumentsOf(operation))) =>
        paths.reduce<unknown>(
          (args, path) => withValueAt(args, path, poison),
          calls.argumentsOf(operation),
        ) as Record<string, unknown>;
      const bodies = await Promise.all([
        // Types in all places together, as one response reports them all; a text in one place at a time. Half of them
        // are literals, and for the next operation the other half.
        ...invalidValues.map((it, at) => calls.call(operation, poisoned(it), (turn + at) % 2 === 0)),
        ...leafPaths(calls.argumentsOf(operation)).map((path, at) =>
          calls.call(operation, poisoned(invalidTexts[at % invalidTexts.length], [path])),
        ),
      ]);
      expect([operation, problemsOf(bodies)]).toEqual([operation, []]);
    }
    expect(calls.bodies.length).toBeGreaterThan(400);
  });

  it.each([
    ['a body that is not JSON', `{"query": "${canaries.email}`],
    ['a bare value', canaries.email],
    ['a body that is text', JSON.stringify(canaries.email)],
    ['a list', JSON.stringify([{ query: canaries.email }])],
    [
      'a malformed document',
      JSON.stringify({ query: `{ me(${canaries.email}) "${canaries.text}" ${canaries.phone}` }),
    ],
    ['an unfinished string', JSON.stringify({ query: `{ user(id: "${canaries.email}` })],
    ['an unfinished block', JSON.stringify({ query: `{ user(id: """${canaries.email}` })],
    [
      'an unknown operation',
      JSON.stringify({ query: 'query A { me { id } } query B { me { id } }', operationName: canaries.email }),
    ],
    ['variables that are text', JSON.stringify({ query: '{ me { id } }', variables: canaries.email })],
    [
      'undeclared variables',
      JSON.stringify({ query: '{ me { id } }', variables: { email: canaries.email } }),
    ],
    [
      'a persisted query',
      JSON.stringify({ extensions: { persistedQuery: { version: 1, sha256Hash: canaries.email } } }),
    ],
    [
      'a query that does not match its hash',
      JSON.stringify({
        query: '{ me { id } }',
        extensions: { persistedQuery: { version: 1, sha256Hash: canaries.email } },
      }),
    ],
    ['a prototype', `{"query": "{ me { id } }", "__proto__": {"email": "${canaries.email}"}}`],
    [
      'a subscription',
      JSON.stringify({ query: 'subscription { me { id } }', variables: { email: canaries.email } }),
    ],
    [
      'a directive with a value',
      JSON.stringify({ query: `{ me { id @include(if: "${canaries.email}") } }` }),
    ],
    [
      'a default value',
      JSON.stringify({
        query: `query ($first: Int = "${canaries.email}") { users(first: $first) { __typename } }`,
      }),
    ],
  ])('do not repeat a malformed request: %s', async (_what, body) => {
    expect(problemsOf([await calls.post(body)])).toEqual([]);
  });

  it('do not repeat headers or the URL', async () => {
    const query = JSON.stringify({ query: '{ __typename }' });
    const headers = [
      'authorization',
      'router-authorization',
      'x-request-id',
      'traceparent',
      'user-agent',
      'referer',
      'cookie',
      'x-user-id',
    ];
    const bodies = [
      ...(await Promise.all(
        headers.map((name) => calls.post(query, { [name]: `${canaries.email} kanari` })),
      )),
      await calls.post(query, { authorization: `Bearer ${canaries.token}` }),
      await calls.post(query, { 'content-type': canaries.email }),
      await calls.post(query, { 'content-encoding': 'kanari' }),
      await calls.post(query, {}, `/graphql?email=${canaries.email}`),
      await calls.post(query, {}, `/${canaries.email}`),
      await calls.post(query, {}, '/schemas/kanari/1.0.0.json'),
    ];
    expect(problemsOf(bodies)).toEqual([]);
  });

  it('do not repeat what the AuthenticationService quotes', async () => {
    const bodies: string[] = [];
    for (const reply of [
      { status: 422, body: { reason: `The password ${canaries.password} is too common` } },
      { status: 500, body: { message: canaries.password } },
      { status: 400, body: canaries.password },
      'reset' as const,
    ]) {
      authentication.always(reply);
      bodies.push(await calls.call('createUser'));
    }
    authentication.always({ status: 204 });
    expect(problemsOf(bodies)).toEqual([]);
    expect(bodies.filter((text) => /InvalidInputError|CredentialsUnavailableError/.test(text))).toHaveLength(
      4,
    );
  });

  it('contain no leak in the log or the metrics after all of the above', async () => {
    expect(app.logged.length).toBeGreaterThan(400);
    expect(logLeaks()).toEqual([]);
    // Errors without a path are those of the AuthenticationService above.
    const failedRequests = app.logged.filter(({ level, path }) => level === 'error' && path !== undefined);
    expect(failedRequests).toEqual([]);
    expect(leaksIn(await (await fetch(`${app.url}/metrics`)).text())).toEqual([]);
  });
});

describe('leaksIn', () => {
  it('finds leaks in a response, in the log and in the metrics', async () => {
    const { id } = await createUser(app, { email: canaries.email });
    const shown = await app.graphql(
      'query Kanari ($id: ID!) { user(id: $id) { email } }',
      { id },
      { token: app.staff },
    );
    expect(leaksIn(JSON.stringify(shown.data))).toEqual([expect.stringContaining('a value that was sent')]);
    expect(leaksIn(await (await fetch(`${app.url}/metrics`)).text())).toHaveLength(1);
    app.logged.push(
      { level: 'debug', msg: `found ${canaries.phone}` },
      { msg: 'SELECT id FROM users WHERE email = $1' },
    );
    expect(logLeaks()).toHaveLength(2);
  });
});
