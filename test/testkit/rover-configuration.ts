import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SubgraphSource } from './supergraph';

const root = join(__dirname, '..', '..');

/** Reads rover.yaml and the files it names. Parses only the form that file has. */
export function readRoverConfiguration(): { federationVersion: string; subgraphs: SubgraphSource[] } {
  const text = readFileSync(join(root, 'rover.yaml'), 'utf8');
  const federationVersion = /^federation_version: =(\S+)$/m.exec(text)?.[1];
  const entries = [...text.matchAll(/^ {2}(\S+):\n {4}routing_url: (\S+)\n {4}schema:\n {6}file: (\S+)$/gm)];
  if (!federationVersion || entries.length !== text.match(/^ {2}\S+:$/gm)?.length) {
    throw new Error('rover.yaml has an entry that this test cannot read.');
  }
  return {
    federationVersion,
    subgraphs: entries.map(([, name, url, file]) => ({
      name: String(name),
      url: String(url),
      sdl: readFileSync(join(root, String(file)), 'utf8'),
    })),
  };
}
