import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loyaltySubgraph } from '../../examples/subgraph/loyalty';
import { type App, startApp } from '../../src/app';
import { openDevelopmentIssuer } from '../../src/authentication/development-issuer';
import { loadConfig } from '../../src/config';
import { readRoverConfiguration } from '../../supergraph/composition';
import { createOrdersSubgraph } from '../../supergraph/orders';
import { createReviewsSubgraph, type Review } from '../../supergraph/reviews';
import { type RunningGateway, startApolloGateway, startHiveGateway } from '../testkit/gateways';
import { type RunningSubgraph, startSubgraph } from '../testkit/subgraph-server';
import { composeByApollo, composeByGuild, loyalty } from '../testkit/supergraph';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

const routerSecret = 'between-router-and-subgraphs';
const both = ['@apollo/gateway', 'the Rust planner'] as const;

const ada = randomUUID();
const gone = randomUUID();
const erased = randomUUID();
const staff = randomUUID();
const manyAuthors = Array.from({ length: 995 }, () => randomUUID());
const authors = [ada, erased, 'no-uuid-at-all', gone, ada, ...manyAuthors];
const reviews: Review[] = authors.map((authorId, index) => ({
  id: String(index + 1),
  stars: 5,
  body: `Review ${index + 1}`,
  authorId,
}));

let directory: string;
let database: TestDatabase;
let app: App;
let neighbours: Record<'reviews' | 'orders' | 'loyalty', RunningSubgraph>;
let gateways: Record<(typeof both)[number], RunningGateway>;
let tokenOf: (sub: string, scope?: string) => Promise<string>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gateway-test-'));
  database = await createTestDatabase();
  const env = { DATABASE_URL: database.url, PORT: '0', ROUTER_SECRET: routerSecret, LOG_LEVEL: 'silent' };
  app = await startApp(loadConfig(env, directory));
  await app.ready;
  const { issueToken } = await openDevelopmentIssuer(join(directory, '.data'));
  tokenOf = (sub, scope) => issueToken({ sub, ...(scope && { scope }) });
  neighbours = {
    reviews: await startSubgraph(createReviewsSubgraph(reviews)),
    orders: await startSubgraph(createOrdersSubgraph({ orders: [], publish: async () => undefined })),
    loyalty: await startSubgraph(loyaltySubgraph),
  };

  const urls: Record<string, string> = {
    users: new URL('/graphql', app.url).href,
    reviews: neighbours.reviews.url,
    orders: neighbours.orders.url,
    loyalty: neighbours.loyalty.url,
  };
  const subgraphs = [...readRoverConfiguration().subgraphs, loyalty].map((one) => ({
    ...one,
    url: String(urls[one.name]),
  }));
  const proof = { 'router-authorization': routerSecret };
  gateways = {
    '@apollo/gateway': await startApolloGateway(composeByApollo(subgraphs), proof),
    'the Rust planner': await startHiveGateway(composeByGuild(subgraphs), proof),
  };
  await createUser('@apollo/gateway', { userId: ada, displayName: 'Ada', locale: 'en-GB' });
  await createUser('the Rust planner', { userId: gone, displayName: 'Gone', locale: 'de-DE' });
  const { errors } = await gateways['the Rust planner'].ask(
    'mutation ($input: DeactivateUserInput!) { deactivateUser(input: $input) { __typename } }',
    { variables: { input: { userId: gone } }, token: await tokenOf(staff, 'users:write') },
  );
  expect(errors).toBeUndefined();
  await createUser('@apollo/gateway', { userId: erased, displayName: 'Erased', locale: 'it-IT' });
  const erasure = await gateways['@apollo/gateway'].ask(
    'mutation ($input: EraseUserInput!) { eraseUser(input: $input) { __typename } }',
    { variables: { input: { userId: erased } }, token: await tokenOf(staff, 'users:privacy') },
  );
  expect(erasure).toEqual({ data: { eraseUser: { __typename: 'EraseUserSuccess' } } });
});

afterAll(async () => {
  await Promise.all(Object.values(gateways ?? {}).map((gateway) => gateway.stop()));
  await Promise.all(Object.values(neighbours ?? {}).map((subgraph) => subgraph.stop()));
  await app?.stop();
  await database?.drop();
  await rm(directory, { recursive: true, force: true });
});

const createUserMutation = /* GraphQL */ `
  mutation ($input: CreateUserInput!) {
    createUser(input: $input) {
      __typename
      ... on CreateUserSuccess { user { id displayName reviews { id } shippingRegion } }
      ... on UserError { message }
    }
  }
`;

async function createUser(gateway: (typeof both)[number], input: Record<string, unknown>) {
  const email = `${String(input['userId'])}@example.com`;
  const variables = { input: { email, firstName: 'First', lastName: 'Last', ...input } };
  return gateways[gateway].ask(createUserMutation, { variables, token: await tokenOf(staff, 'users:write') });
}

describe.each(both)('through %s', (name) => {
  const ask: RunningGateway['ask'] = (query, request) => gateways[name].ask(query, request);

  it('resolves erased, unknown and deactivated authors without an error', async () => {
    const response = await ask('{ topReviews(first: 5) { body author { id displayName status } } }');
    const active = { id: ada, displayName: 'Ada', status: 'ACTIVE' };
    expect(response).toEqual({
      data: {
        topReviews: [
          { body: 'Review 1', author: active },
          { body: 'Review 2', author: { id: erased, displayName: null, status: 'UNKNOWN' } },
          { body: 'Review 3', author: { id: 'no-uuid-at-all', displayName: null, status: 'UNKNOWN' } },
          { body: 'Review 4', author: { id: gone, displayName: 'Gone', status: 'DEACTIVATED' } },
          { body: 'Review 5', author: active },
        ],
      },
    });
  });

  it('sends required fields to the subgraph that requires them', async () => {
    const query = '{ topReviews(first: 5) { author { id shippingRegion mayEarnPoints } } }';
    const response = await ask(query, { token: await tokenOf(staff, 'users:read') });
    const active = { id: ada, shippingRegion: 'GB', mayEarnPoints: true };
    expect(response).toEqual({
      data: {
        topReviews: [
          { author: active },
          { author: { id: erased, shippingRegion: null, mayEarnPoints: false } },
          { author: { id: 'no-uuid-at-all', shippingRegion: null, mayEarnPoints: false } },
          { author: { id: gone, shippingRegion: 'DE', mayEarnPoints: false } },
          { author: active },
        ],
      },
    });
  });

  it('returns null without an error for hidden fields when there is no token', async () => {
    const response = await ask('{ topReviews(first: 5) { author { email shippingRegion mayEarnPoints } } }');
    expect(response.errors).toBeUndefined();
    expect(response.data).toMatchObject({
      topReviews: [
        { author: { email: null, shippingRegion: null, mayEarnPoints: true } },
        { author: { email: null, shippingRegion: null, mayEarnPoints: false } },
        {},
        {},
        {},
      ],
    });
  });

  it('resolves as many authors as the limit on representations allows', async () => {
    const { data, errors } = await ask('{ topReviews(first: 1000) { author { status } } }');
    expect(errors).toBeUndefined();
    const { topReviews } = data as { topReviews: { author: { status: string } }[] };
    expect(topReviews.filter(({ author }) => author.status === 'UNKNOWN')).toHaveLength(997);
  });

  it('resolves fields of other subgraphs from me', async () => {
    const query = '{ me { email shippingRegion reviews { body } history(first: 1) { nodes { type } } } }';
    expect(await ask(query, { token: await tokenOf(ada) })).toEqual({
      data: {
        me: {
          email: `${ada}@example.com`,
          shippingRegion: 'GB',
          reviews: [{ body: 'Review 1' }, { body: 'Review 5' }],
          history: { nodes: [{ type: 'USER_CREATED' }] },
        },
      },
    });
  });

  it('returns the union of a mutation, with fields of other subgraphs on its user', async () => {
    const userId = randomUUID();
    expect(await createUser(name, { userId, displayName: 'New', locale: 'fr-CA' })).toEqual({
      data: {
        createUser: {
          __typename: 'CreateUserSuccess',
          user: { id: userId, displayName: 'New', reviews: [], shippingRegion: 'CA' },
        },
      },
    });
    expect(await createUser(name, { userId, email: `${ada}@example.com` })).toMatchObject({
      data: { createUser: { message: expect.any(String) } },
    });
  });

  it('returns code and path of an access error', async () => {
    const { errors } = await ask('{ users(first: 1) { nodes { id } } }', { token: await tokenOf(ada) });
    expect(errors?.map(({ extensions, path }) => ({ code: extensions?.['code'], path }))).toEqual([
      { code: 'FORBIDDEN', path: ['users'] },
    ]);
  });
});

describe('the subgraph behind the gateways', () => {
  it('returns its schema only with the router’s proof', async () => {
    const ask = (headers: Record<string, string>) =>
      fetch(new URL('/graphql', app.url), {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query: '{ _service { sdl } }' }),
      });
    expect((await ask({})).status).toBe(401);
    const response = await ask({ 'router-authorization': routerSecret });
    const { subgraphs } = readRoverConfiguration();
    expect(await response.json()).toEqual({ data: { _service: { sdl: subgraphs[0]?.sdl } } });
  });
});
