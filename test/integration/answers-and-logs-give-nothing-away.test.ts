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

/** What is wrong with answers: what they give away, and faults of ours where the caller was at fault. */
const problemsOf = (answers: string[]) => [
  ...answers.flatMap((text) => leaksIn(text)),
  ...answers.filter((text) => text.includes('INTERNAL_SERVER_ERROR')),
];
const logLeaks = () => app.logged.flatMap((line) => leaksIn(JSON.stringify(line), { isLog: true }));

describe('whatever is sent', () => {
  it('finds every operation', () => {
    expect(calls.operations).toEqual(expect.arrayContaining(['createUser', 'users', '_entities', 'history']));
  });

  it('fits: no answer repeats it', async () => {
    for (const operation of calls.operations) {
      const args = () => calls.argumentsOf(operation);
      const answers = [await calls.call(operation, args()), await calls.call(operation, args(), true)];
      expect([operation, problemsOf(answers)]).toEqual([operation, []]);
      expect(answers.join()).not.toContain('BAD_USER_INPUT');
    }
    expect(authentication.requests.map(({ body }) => body).join()).toContain(canaries.password);
  });

  it('does not fit: no answer repeats it, and none takes the blame', async () => {
    for (const operation of calls.operations) {
      const poisoned = (poison: unknown, paths = leafPaths(calls.argumentsOf(operation))) =>
        paths.reduce<unknown>(
          (args, path) => withValueAt(args, path, poison),
          calls.argumentsOf(operation),
        ) as Record<string, unknown>;
      const answers = await Promise.all([
        // Everywhere at once, as wrong types are told all together, and one by one, as wrong texts are.
        ...invalidValues.flatMap((it) =>
          [false, true].map((inline) => calls.call(operation, poisoned(it), inline)),
        ),
        ...invalidTexts.flatMap((it) =>
          leafPaths(calls.argumentsOf(operation)).map((path) => calls.call(operation, poisoned(it, [path]))),
        ),
      ]);
      expect([operation, problemsOf(answers)]).toEqual([operation, []]);
    }
    expect(calls.bodies.length).toBeGreaterThan(400);
  });

  it.each([
    ['a body that is no JSON', `{"query": "${canaries.email}`],
    ['a bare value', canaries.email],
    ['a body that is text', JSON.stringify(canaries.email)],
    ['a list', JSON.stringify([{ query: canaries.email }])],
    [
      'a document that is none',
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
      'variables nobody declared',
      JSON.stringify({ query: '{ me { id } }', variables: { email: canaries.email } }),
    ],
    [
      'a persisted query',
      JSON.stringify({ extensions: { persistedQuery: { version: 1, sha256Hash: canaries.email } } }),
    ],
    [
      'another query than the hash says',
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
  ])('is malformed: %s', async (_what, body) => {
    expect(problemsOf([await calls.post(body)])).toEqual([]);
  });

  it('comes in headers or in the address', async () => {
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
    const answers = [
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
    expect(problemsOf(answers)).toEqual([]);
  });

  it('is refused by the AuthenticationService, which quotes it, or does not get there', async () => {
    const answers: string[] = [];
    for (const reply of [
      { status: 422, body: { reason: `The password ${canaries.password} is too common` } },
      { status: 500, body: { message: canaries.password } },
      { status: 400, body: canaries.password },
      'reset' as const,
    ]) {
      authentication.always(reply);
      answers.push(await calls.call('createUser'));
    }
    authentication.always({ status: 204 });
    expect(problemsOf(answers)).toEqual([]);
    expect(answers.filter((text) => /InvalidInputError|CredentialsUnavailableError/.test(text))).toHaveLength(
      4,
    );
  });

  it('left no trace in the log, which tells of no error of ours, nor in the metrics', async () => {
    expect(app.logged.length).toBeGreaterThan(400);
    expect(logLeaks()).toEqual([]);
    // What the AuthenticationService answered above is somebody's to look at.
    const blamed = app.logged.filter(({ level, path }) => level === 'error' && path !== undefined);
    expect(blamed).toEqual([]);
    expect(leaksIn(await (await fetch(`${app.url}/metrics`)).text())).toEqual([]);
  });
});

describe('these tests', () => {
  it('would find what was given away in an answer, in the log and in the metrics', async () => {
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
