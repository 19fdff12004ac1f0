import type { ExplorerExample } from './explorer-example';
import { explorerMutations } from './explorer-mutations';
import { explorerPrivacy } from './explorer-privacy';
import { explorerQueries } from './explorer-queries';

const [createUser, ...laterMutations] = explorerMutations;

/** An operation for every query and mutation of the graph; first the one that makes a user. */
export const explorerExamples: readonly ExplorerExample[] = [
  ...(createUser === undefined ? [] : [createUser]),
  ...explorerQueries,
  ...laterMutations,
  ...explorerPrivacy,
];
