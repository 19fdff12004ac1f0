import { buildSchema, type GraphQLObjectType } from 'graphql';
import { createSchema } from '../../src/graphql/schema';
import { readRoverConfiguration } from '../../supergraph/composition';
import { composeByApollo, composeByGuild, loyalty } from '../testkit/supergraph';
import { undescribedElements } from '../testkit/undescribed-elements';

const { federationVersion, subgraphs: configured } = readRoverConfiguration();
const subgraphs = [...configured, loyalty];
const own = subgraphs.filter(({ name }) => name === 'users');

describe('schema.graphql', () => {
  it('describes every element', () => {
    expect(undescribedElements(createSchema([]))).toEqual([]);
  });

  it('links no newer federation than rover.yaml composes with and no licensed directive', () => {
    const linked = /federation\/v2\.(\d+)"/.exec(String(own[0]?.sdl))?.[1];
    expect(Number(linked)).toBeLessThanOrEqual(9);
    expect(federationVersion).toMatch(/^2\.9\.\d+$/);
    expect(own[0]?.sdl).not.toMatch(/@(federation__)?(authenticated|requiresScopes|policy)/);
  });
});

describe.each([
  ['@apollo/composition', composeByApollo],
  ['@theguild/federation-composition', composeByGuild],
])('%s', (_name, compose) => {
  it('composes this subgraph alone', () => {
    expect(compose(own)).toContain('type User');
  });

  it('composes the files of rover.yaml', () => {
    expect(configured.map(({ name }) => name)).toEqual(['users', 'reviews', 'orders']);
    expect(compose(configured)).toContain('topReviews');
  });

  it('composes them and the example, with fields of other subgraphs on User', () => {
    const supergraph = buildSchema(compose(subgraphs), { assumeValidSDL: true });
    const user = supergraph.getType('User') as GraphQLObjectType;
    expect(Object.keys(user.getFields())).toEqual(
      expect.arrayContaining([
        'id',
        'email',
        'status',
        'reviews',
        'orders',
        'shippingRegion',
        'mayEarnPoints',
      ]),
    );
  });

  it('rejects a subgraph that requires a missing field', () => {
    const broken = subgraphs.map((subgraph) =>
      subgraph.name === 'loyalty'
        ? { ...subgraph, sdl: subgraph.sdl.replaceAll('locale', 'shoeSize') }
        : subgraph,
    );
    expect(() => compose(broken)).toThrow('shoeSize');
  });
});
