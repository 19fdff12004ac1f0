import { getIntrospectionQuery } from 'graphql';
import { loadConfig } from '../../src/config';
import { type GraphQLResponse, send, startTestApp, type TestApp } from '../testkit/app';

let app: TestApp;
beforeAll(async () => {
  const { routerSecrets } = loadConfig({ ROUTER_SECRET: 'the-old-one,the-new-one' });
  app = await startTestApp({ config: { routerSecrets } });
});
afterAll(() => app.stop());

const operations: [string, string][] = [
  ['introspection', getIntrospectionQuery()],
  ['one introspected type', '{ __type(name: "User") { name } }'],
  ['_service', '{ _service { sdl } }'],
  [
    '_entities',
    '{ _entities(representations: [{ __typename: "User", id: "x" }]) { ... on User { id status } } }',
  ],
  ['a query', '{ me { id } }'],
  ['__typename alone', '{ __typename }'],
  ['text that is not GraphQL', 'canary {'],
];

const refused = {
  status: 401,
  data: null,
  errors: [expect.objectContaining({ extensions: expect.objectContaining({ code: 'UNAUTHENTICATED' }) })],
};
const ask = async (query: string, headers: Record<string, string>): Promise<Partial<GraphQLResponse>> => {
  const { status, data, errors } = await send(app.url, { query }, { headers, token: app.staff });
  return { status, data, errors };
};

describe('a request without the router’s proof', () => {
  it.each(operations)('gets 401 for %s, also with a staff token', async (_what, query) => {
    expect(await ask(query, {})).toEqual(refused);
  });

  it.each([
    'the-wrong-one',
    'the-old-one,the-new-one',
    'the-old-one, the-new-one',
    'Bearer the-new-one',
    'the-new-on',
    'the-new-onee',
    'THE-NEW-ONE',
    ',',
  ])('gets 401 with the wrong secret %s', async (secret) => {
    expect(await ask('{ __typename }', { 'router-authorization': secret })).toEqual(refused);
  });

  it('gets 401 if the secret is elsewhere than in its header', async () => {
    expect(
      await ask('{ __typename }', { authorization: 'the-new-one', 'x-router-authorization': 'the-new-one' }),
    ).toEqual(refused);
    const response = await fetch(`${app.url}/graphql?router-authorization=the-new-one`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ __typename }","extensions":{"router-authorization":"the-new-one"}}',
    });
    expect(response.status).toBe(401);
  });

  it.each(['/health/live', '/health/ready', '/metrics'])('gets 200 for %s', async (path) => {
    expect((await fetch(`${app.url}${path}`)).status).toBe(200);
  });
});

describe.each(['the-old-one', 'the-new-one'])('a request with the secret %s', (secret) => {
  it.each(operations.slice(0, 4))('succeeds for %s', async (_what, query) => {
    expect(await ask(query, { 'router-authorization': secret })).toMatchObject({ status: 200, errors: [] });
  });

  it('gets 401 without an access token', async () => {
    const response = await send(
      app.url,
      { query: '{ me { id } }' },
      { headers: { 'router-authorization': secret } },
    );
    expect(response).toMatchObject({ status: 401, data: { me: null } });
  });
});

it('no log line and no metric contains a router secret', async () => {
  const metrics = await (await fetch(`${app.url}/metrics`)).text();
  expect(JSON.stringify(app.logged) + metrics).not.toMatch(/the-(old|new|wrong)-one/i);
});
