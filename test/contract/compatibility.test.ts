import { stripIgnoredCharacters } from 'graphql';
import { printFederatedSchema } from '../../src/subgraph/federation';
import type { SubgraphSource } from '../../supergraph/composition';
import { buildInventorySchema } from '../testkit/compatibility/inventory-subgraph';
import { buildProductsSchema } from '../testkit/compatibility/products-subgraph';
import { buildUsersSchema } from '../testkit/compatibility/users-subgraph';
import { type RunningGateway, startApolloGateway, startHiveGateway } from '../testkit/gateways';
import { type RunningSubgraph, startSubgraph } from '../testkit/subgraph-server';
import { composeByApollo, composeByGuild } from '../testkit/supergraph';

interface SubgraphResponse {
  data: Record<string, unknown>;
  errors?: unknown;
  extensions?: { ftv1: string };
}

const schemas = {
  products: buildProductsSchema(),
  inventory: buildInventorySchema(),
  users: buildUsersSchema(),
};

let running: Record<keyof typeof schemas, RunningSubgraph>;
let gateways: Record<'@apollo/gateway' | 'the Rust planner', RunningGateway>;
let sdl: string;

async function products(
  query: string,
  variables: Record<string, unknown> = {},
  headers: Record<string, string> = {},
) {
  const response = await fetch(running.products.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const body = (await response.json()) as SubgraphResponse;
  expect(body.errors).toBeUndefined();
  return body;
}

async function entities(selection: string, representations: object[]) {
  const query = `query ($r: [_Any!]!) { _entities(representations: $r) { ${selection} } }`;
  return (await products(query, { r: representations })).data._entities as unknown[];
}

beforeAll(async () => {
  running = {
    products: await startSubgraph(schemas.products),
    inventory: await startSubgraph(schemas.inventory),
    users: await startSubgraph(schemas.users),
  };
  const sources = Object.entries(running).map(
    ([name, { url }]): SubgraphSource => ({
      name,
      url,
      sdl: printFederatedSchema(schemas[name as keyof typeof schemas]),
    }),
  );
  gateways = {
    '@apollo/gateway': await startApolloGateway(composeByApollo(sources)),
    'the Rust planner': await startHiveGateway(composeByGuild(sources)),
  };
  const service = (await products('{ _service { sdl } }')).data._service as { sdl: string };
  sdl = stripIgnoredCharacters(service.sdl);
});

afterAll(async () => {
  await Promise.all(Object.values(gateways).map((gateway) => gateway.stop()));
  await Promise.all(Object.values(running).map((subgraph) => subgraph.stop()));
});

const both = ['@apollo/gateway', 'the Rust planner'] as const;

async function routed(gateway: keyof typeof gateways, query: string) {
  const { data, errors } = await gateways[gateway].ask(query);
  expect(errors).toBeUndefined();
  return data;
}

describe('_service', () => {
  it('returns the whole schema as text', () => {
    expect(sdl).toContain('type Query{');
    expect(sdl).toContain('product(id:ID!):Product');
    expect(sdl).toContain('research:[ProductResearch!]!');
    for (const type of ['CaseStudy', 'DeprecatedProduct', 'ProductDimension', 'ProductVariation', 'User']) {
      expect(sdl).toMatch(new RegExp(`type ${type}[ @{]`));
    }
  });
});

describe('@key (single)', () => {
  it('is printed and resolves a user', async () => {
    expect(sdl).toMatch(/type User@extends@key\(fields:"email"\)/);
    const [user] = await entities('... on User { email name }', [
      { __typename: 'User', email: 'support@apollographql.com' },
    ]);
    expect(user).toEqual({ email: 'support@apollographql.com', name: 'Jane Smith' });
  });
});

describe('@key (multi)', () => {
  it('is printed and resolves a product by two fields', async () => {
    expect(sdl).toContain('type DeprecatedProduct@key(fields:"sku package")');
    const key = { sku: 'apollo-federation-v1', package: '@apollo/federation-v1' };
    const [product] = await entities('... on DeprecatedProduct { sku package reason }', [
      { __typename: 'DeprecatedProduct', ...key },
    ]);
    expect(product).toEqual({ ...key, reason: 'Migrate to Federation V2' });
  });
});

describe('@key (composite)', () => {
  it('is printed and resolves research by a field of a field', async () => {
    expect(sdl).toContain('type ProductResearch@key(fields:"study { caseNumber }")');
    const [research] = await entities('... on ProductResearch { study { caseNumber description } }', [
      { __typename: 'ProductResearch', study: { caseNumber: '1234' } },
    ]);
    expect(research).toEqual({ study: { caseNumber: '1234', description: 'Federation Study' } });
  });
});

describe('repeatable @key', () => {
  it('is printed and resolves a product by each of its keys', async () => {
    expect(sdl).toMatch(
      /type Product@custom@key\(fields:"id"\)@key\(fields:"sku package"\)@key\(fields:"sku variation { id }"\)/,
    );
    const found = await entities('... on Product { id sku }', [
      { __typename: 'Product', id: 'apollo-federation' },
      { __typename: 'Product', sku: 'federation', package: '@apollo/federation' },
      { __typename: 'Product', sku: 'studio', variation: { id: 'platform' } },
    ]);
    expect(found).toEqual([
      { id: 'apollo-federation', sku: 'federation' },
      { id: 'apollo-federation', sku: 'federation' },
      { id: 'apollo-studio', sku: 'studio' },
    ]);
  });
});

describe('@requires', () => {
  it.each(both)('is printed, and %s sends the required fields', async (gateway) => {
    expect(sdl).toContain(
      'averageProductsCreatedPerYear:Int@requires(fields:"totalProductsCreated yearsOfEmployment")',
    );
    const data = await routed(
      gateway,
      '{ product(id: "apollo-federation") { createdBy { averageProductsCreatedPerYear email } } }',
    );
    expect(data).toEqual({
      product: {
        createdBy: {
          averageProductsCreatedPerYear: expect.any(Number),
          email: 'support@apollographql.com',
        },
      },
    });
  });
});

describe('@provides', () => {
  it('is printed and the subgraph resolves the provided field', async () => {
    expect(sdl).toContain('createdBy:User@provides(fields:"totalProductsCreated")');
    const { data } = await products(
      '{ product(id: "apollo-federation") { createdBy { email totalProductsCreated } } }',
    );
    expect(data).toEqual({
      product: {
        createdBy: {
          email: 'support@apollographql.com',
          totalProductsCreated: 1337,
        },
      },
    });
  });
});

describe('federated tracing', () => {
  it('adds a trace to responses only if the request asks for one', async () => {
    const traced = await products('{ __typename }', {}, { 'apollo-federation-include-trace': 'ftv1' });
    expect(traced).toEqual({ data: { __typename: 'Query' }, extensions: { ftv1: expect.any(String) } });
    expect(Buffer.from(traced.extensions?.ftv1 ?? '', 'base64').length).toBeGreaterThan(0);
    expect(await products('{ __typename }')).toEqual({ data: { __typename: 'Query' } });
  });
});

describe('@link', () => {
  it('links one federation version and imports each used directive under its own name', () => {
    const links = [...sdl.matchAll(/@link\(url:"(.+?)" ?import:\[(.*?)\]\)/g)].map(([, url, imports]) => ({
      url,
      imports: imports?.match(/@\w+/g),
    }));
    expect(links).toEqual([
      {
        url: 'https://specs.apollo.dev/federation/v2.7',
        imports: [
          '@composeDirective',
          '@extends',
          '@external',
          '@inaccessible',
          '@interfaceObject',
          '@key',
          '@override',
          '@provides',
          '@requires',
          '@shareable',
          '@tag',
        ],
      },
      { url: 'https://myspecs.dev/myCustomDirective/v1.0', imports: ['@custom'] },
    ]);
    expect(sdl).not.toContain('@federation__');
  });
});

describe('@shareable', () => {
  it.each(both)('is printed and lets two subgraphs resolve a field in %s', async (gateway) => {
    expect(sdl).toContain('type ProductDimension@shareable');
    const data = await routed(gateway, '{ product(id: "apollo-federation") { dimensions { size weight } } }');
    expect(data).toEqual({ product: { dimensions: { size: 'small', weight: 1 } } });
  });
});

describe('@tag', () => {
  it('is printed', () => {
    expect(sdl).toContain('notes:String@tag(name:"internal")');
  });
});

describe('@override', () => {
  it.each(both)('is printed and moves the field to this subgraph in %s', async (gateway) => {
    expect(sdl).toContain('name:String@override(from:"users")');
    const data = await routed(gateway, '{ product(id: "apollo-federation") { createdBy { name } } }');
    expect(data).toEqual({ product: { createdBy: { name: 'Jane Smith' } } });
  });
});

describe('@inaccessible', () => {
  it('is printed and the subgraph itself resolves the field', async () => {
    expect(sdl).toContain('unit:String@inaccessible');
    const { data } = await products('{ product(id: "apollo-federation") { dimensions { unit } } }');
    expect(data).toEqual({ product: { dimensions: { unit: 'kg' } } });
  });

  it.each(both)('hides the field in %s', async (gateway) => {
    const { errors } = await gateways[gateway].ask(
      '{ product(id: "apollo-federation") { dimensions { unit } } }',
    );
    expect(errors?.[0]?.message).toContain('Cannot query field "unit"');
  });
});

describe('@composeDirective', () => {
  it('is printed with the definition and the uses of the composed directive', () => {
    expect(sdl).toMatch(/^extend schema@link.*@composeDirective\(name:"@custom"\)/);
    expect(sdl).toContain('directive@custom on OBJECT');
    expect(sdl).toContain('type Product@custom');
  });
});

describe('@interfaceObject', () => {
  it.each(both)('is printed and adds a field to every implementation in %s', async (gateway) => {
    expect(sdl).toContain('type Inventory@interfaceObject@key(fields:"id")');
    const data = await routed(
      gateway,
      '{ inventory(id: "apollo-oss") { deprecatedProducts { sku reason } } }',
    );
    expect(data).toEqual({
      inventory: {
        deprecatedProducts: [{ sku: 'apollo-federation-v1', reason: 'Migrate to Federation V2' }],
      },
    });
  });
});
