import { getOperationAST, parse } from 'graphql';
import { CacheControl } from '../../../src/graphql/cache-control';
import type { GraphqlContext } from '../../../src/graphql/context';

function hintsFor(text: string, entityIds: readonly string[] = ['one']) {
  const document = parse(text);
  const operation = getOperationAST(document);
  if (!operation) throw new Error('no operation');
  const cacheControl = new CacheControl({ maxAgeSeconds: 60, tagged: true });
  return cacheControl.hintsFor(document, operation, { entityIds } as GraphqlContext);
}

/** Fragments that each spread the next one twice, down to one with these fields. */
function doublingFragments(levels: number, fields: string): string {
  const fragments = Array.from(
    { length: levels },
    (_, at) => `fragment f${at} on User { ...f${at + 1} ...f${at + 1} }`,
  );
  return [
    'query ($r: [_Any!]!) { _entities(representations: $r) { ...f0 ...f0 } }',
    ...fragments,
    `fragment f${levels} on User { ${fields} }`,
  ].join('\n');
}

describe('CacheControl', () => {
  it('decides about fragments that spread each other twice without repeating them', () => {
    const startedAtMs = performance.now();
    expect(hintsFor(doublingFragments(20, 'id displayName'))?.header).toBe('public, max-age=60');
    expect(hintsFor(doublingFragments(20, 'id email'))).toBeNull();
    // A millisecond; with repetition some seconds.
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
  });

  it('reads a fragment again below another field', () => {
    const fragment = 'fragment f on User { history(first: 1) { nodes { id } } }';
    const query = (field: string) =>
      `query ($r: [_Any!]!) { _entities(representations: $r) { ${field} } } ${fragment}`;
    expect(hintsFor(query('... on User { id } ...f'))).toBeNull();
    expect(hintsFor(query('... on User { id }'))?.header).toBe('public, max-age=60');
  });

  it('tags a user alike in upper and lower case', () => {
    const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { id } } }';
    expect(hintsFor(query, ['AB-C', 'ab-c'])?.extensions).toEqual({
      apolloEntityCacheTags: [['user-ab-c'], ['user-ab-c']],
    });
  });
});
