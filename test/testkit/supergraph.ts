import { composeServices as composeWithApollo } from '@apollo/composition';
import { composeServices as composeWithGuild } from '@theguild/federation-composition';
import { parse } from 'graphql';

/** A subgraph, as composition takes it. */
export interface SubgraphSource {
  readonly name: string;
  readonly url: string;
  readonly sdl: string;
}

/** Composes with Apollo's library. Throws one error with all problems. */
export function composeByApollo(subgraphs: readonly SubgraphSource[]): string {
  const result = composeWithApollo(
    subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) })),
  );
  return supergraphOf(result.supergraphSdl, result.errors);
}

/** Composes with The Guild's library. Throws one error with all problems. */
export function composeByGuild(subgraphs: readonly SubgraphSource[]): string {
  const result = composeWithGuild(
    subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) })),
  );
  return supergraphOf(result.supergraphSdl, result.errors);
}

function supergraphOf(sdl: string | undefined, errors: readonly Error[] | undefined): string {
  if (!sdl) throw new Error((errors ?? []).map(({ message }) => message).join('\n'));
  return sdl;
}
