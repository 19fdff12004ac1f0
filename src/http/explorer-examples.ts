import type { ExplorerExample } from './explorer-example';
import { EXPLORER_MUTATIONS } from './explorer-mutations';
import { EXPLORER_PRIVACY } from './explorer-privacy';
import { EXPLORER_QUERIES } from './explorer-queries';

const [createUser, ...laterMutations] = EXPLORER_MUTATIONS;

/** An operation for every query and mutation of the graph; first the one that makes a user. */
export const EXPLORER_EXAMPLES: readonly ExplorerExample[] = [
  ...(createUser === undefined ? [] : [createUser]),
  ...EXPLORER_QUERIES,
  ...laterMutations,
  ...EXPLORER_PRIVACY,
];
