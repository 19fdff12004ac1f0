import type { Logger } from 'pino';
import type { Actor } from '../authentication/actor';
import { unauthenticated } from '../subgraph/errors';
import type { Caller } from '../users/user-changes';
import type { AuditedReads } from './access/audited-reads';
import type { Loaders } from './loaders';

/** What the resolvers of one request know. Nothing in it outlives the request or is shared with another. */
export interface GraphqlContext {
  /** Who asks; null without a token. */
  readonly actor: Actor | null;
  readonly requestId: string;
  /** W3C trace context of the request; with tracing, of its operation as soon as that has begun. */
  traceparent: string | null;
  readonly loaders: Loaders;
  /** Filled while fields are resolved, written before the answer leaves. */
  readonly reads: AuditedReads;
  readonly log: Logger;
}

/** On whose behalf a mutation runs. Access is decided before: a missing actor here is the door's mistake. */
export function callerOf({ actor, traceparent }: GraphqlContext): Caller {
  if (!actor) throw unauthenticated();
  return { actor, traceparent };
}
