import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { composeServices } from '@theguild/federation-composition';
import { parse } from 'graphql';
import { parse as parseYaml } from 'yaml';

/** A subgraph, as composition takes it. */
export interface SubgraphSource {
  readonly name: string;
  readonly url: string;
  readonly sdl: string;
}

interface RoverConfiguration {
  readonly federation_version: string;
  readonly subgraphs: Readonly<
    Record<string, { readonly routing_url: string; readonly schema: { readonly file: string } }>
  >;
}

const root = join(__dirname, '..');

/** Reads rover.yaml and the files it names. */
export function readRoverConfiguration(): { federationVersion: string; subgraphs: SubgraphSource[] } {
  const text = readFileSync(join(root, 'rover.yaml'), 'utf8');
  const { federation_version: version, subgraphs } = parseYaml(text) as RoverConfiguration;
  return {
    federationVersion: version.replace(/^=/, ''),
    subgraphs: Object.entries(subgraphs).map(([name, { routing_url: url, schema }]) => ({
      name,
      url,
      sdl: readFileSync(join(root, schema.file), 'utf8'),
    })),
  };
}

/** Composes with The Guild's library. Throws one error with all problems. */
export function compose(subgraphs: readonly SubgraphSource[]): string {
  const { supergraphSdl, errors = [] } = composeServices(
    subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) })),
  );
  if (!supergraphSdl) throw new Error(errors.map(({ message }) => message).join('\n'));
  return supergraphSdl;
}
