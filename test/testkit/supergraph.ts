import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { composeServices as composeWithApollo } from '@apollo/composition';
import { parse } from 'graphql';
import { compose, type SubgraphSource } from '../../supergraph/composition';

/** Composes with Apollo's library. Throws one error with all problems. */
export function composeByApollo(subgraphs: readonly SubgraphSource[]): string {
  const { supergraphSdl, errors = [] } = composeWithApollo(
    subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) })),
  );
  if (!supergraphSdl) throw new Error(errors.map(({ message }) => message).join('\n'));
  return supergraphSdl;
}

/** Composes with The Guild's library. Throws one error with all problems. */
export const composeByGuild = compose;

/** The subgraph of `examples/subgraph`, which requires fields of the User Service. */
export const loyalty: SubgraphSource = {
  name: 'loyalty',
  url: 'http://localhost:4004/graphql',
  sdl: readFileSync(join(__dirname, '..', '..', 'examples', 'subgraph', 'loyalty.graphql'), 'utf8'),
};
