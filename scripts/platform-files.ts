import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { compose } from '../supergraph/composition';

/** Returns the supergraph of compose.yaml, which has this service only. */
export function composeAlone(sdl: string): string {
  return `${compose([{ name: 'users', url: 'http://user-service:4001/graphql', sdl }])}\n`;
}

/** The copy of a file in the Helm chart: a chart cannot read files outside. */
export function copyInChart(file: string) {
  return {
    file: `deploy/helm/user-service/files/${basename(file)}`,
    print: () => readFileSync(file, 'utf8'),
  };
}
