import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { compose, readRoverConfiguration } from '../supergraph/composition';

/** Returns the supergraph of compose.yaml: the subgraphs of rover.yaml in their containers, this one with `sdl`. */
export function composePlatform(sdl: string): string {
  const subgraphs = readRoverConfiguration().subgraphs.map(({ name, url, sdl: stored }) => {
    const inContainer = url.replace('//localhost:', name === 'users' ? '//user-service:' : `//${name}:`);
    return { name, url: inContainer, sdl: name === 'users' ? sdl : stored };
  });
  return `${compose(subgraphs)}\n`;
}

/** The copy of a file in the Helm chart: a chart cannot read files outside. */
export function copyInChart(file: string) {
  return {
    file: `deploy/helm/user-service/files/${basename(file)}`,
    print: () => readFileSync(file, 'utf8'),
  };
}
