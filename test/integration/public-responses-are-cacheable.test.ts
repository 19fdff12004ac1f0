import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { type ProgrammableServer, startProgrammableServer } from '../testkit/programmable-server';
import { createUser, mutate } from '../testkit/users';

let app: TestApp;
let router: ProgrammableServer;
let userId: string;
beforeAll(async () => {
  router = await startProgrammableServer(() => ({ status: 202, body: { count: 1 } }));
  const url = new URL('invalidation', router.url).href;
  app = await startTestApp({ config: { routerInvalidation: { url, key: 'shared-key' } } });
  ({ id: userId } = await createUser(app));
});
afterAll(async () => {
  await app.stop();
  await router.close();
});

const entities = (fields: string) =>
  `query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { ${fields} } } }`;
const unknown = '01900000-0000-7000-8000-00000000dead';
const ask = (query: string, token?: string) =>
  app.graphql(query, { r: [userId, userId, unknown].map((id) => ({ __typename: 'User', id })) }, { token });

/** The first run is Apollo Server's, the second prepares the query, the third runs prepared. */
const paths = ['Apollo Server', 'preparation', 'a prepared query'];

it.each(paths)('a response of %s with public fields only is public with a tag of each entity', async () => {
  for (const token of [undefined, app.staff]) {
    const response = await ask(entities('displayName status'), token);
    expect(response.headers.get('cache-control')).toBe('public, max-age=60');
    expect(response.extensions).toEqual({
      apolloEntityCacheTags: [[`user-${userId}`], [`user-${userId}`], [`user-${unknown}`]],
    });
  }
});

it.each(paths)('a response of %s is private if another field, root field or error is in it', async () => {
  const queries = [
    entities('displayName email'),
    'query ($r: [_Any!]!) { _entities(representations: $r) { ...F } } fragment F on User { commerce { orderCount } }',
    `${entities('displayName').slice(0, -1)} me { id } }`,
    `query ($r: [_Any!]!) { a: _entities(representations: $r) { __typename } }`,
    '{ me { displayName } }',
    '{ nothing }',
  ];
  for (const query of queries) {
    const { headers, extensions } = await ask(query, app.staff);
    expect([query, headers.get('cache-control')]).toEqual([query, 'private, no-store']);
    expect(extensions).toBeUndefined();
  }
  const wrongType = await app.graphql(entities('displayName'), { r: [{ __typename: 'Robot', id: userId }] });
  expect(wrongType.headers.get('cache-control')).toBe('private, no-store');
  const refused = await app.graphql('{ me { id } }', {}, { token: 'not.a.token' });
  expect(refused.headers.get('cache-control')).toBe('private, no-store');
});

it('a response that is too large is private, also if its fields are public', async () => {
  await mutate(app, 'updateUser', { userId, displayName: 'ä'.repeat(50) });
  const aliases = Array.from({ length: 50 }, (_, at) => `${'a'.repeat(300)}${at}: displayName`);
  const r = Array(1_000).fill({ __typename: 'User', id: userId });
  const { status, headers, errors } = await app.graphql(entities(aliases.join(' ')), { r });
  expect(errors).toMatchObject([{ extensions: { limit: 'responseBytes' } }]);
  expect([status, headers.get('cache-control')]).toEqual([400, 'private, no-store']);
});

it('a published change invalidates the tag of its user at the router, as its protocol has it', async () => {
  await mutate(app, 'updateUser', { userId, displayName: 'Ada' });
  await eventually(() => {
    const last = router.requests.at(-1);
    expect(last).toMatchObject({
      method: 'POST',
      path: '/invalidation',
      headers: { authorization: 'shared-key', 'content-type': 'application/json' },
    });
    expect(JSON.parse(last?.body ?? '')).toEqual([
      { kind: 'cache_tag', subgraphs: ['users'], cache_tag: `user-${userId}` },
    ]);
  });
});

it('a router that refuses delays no event, and is logged', async () => {
  router.always({ status: 401, body: {} });
  const other = await createUser(app);
  await eventually(() =>
    expect(app.logged).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: 'could not invalidate the cache of the router' }),
    ),
  );
  await eventually(async () =>
    expect(
      await app.sql('SELECT 1 FROM outbox_events WHERE user_id = $1 AND published_at IS NULL', [other.id]),
    ).toEqual([]),
  );
});

it('without invalidation, public responses have no tags and expire after five seconds', async () => {
  const plain = await startTestApp({ replicaOf: app });
  try {
    const { headers, extensions } = await plain.graphql(entities('displayName'), {
      r: [{ __typename: 'User', id: userId }],
    });
    expect([headers.get('cache-control'), extensions]).toEqual(['public, max-age=5', undefined]);
  } finally {
    await plain.stop();
  }
});
