import type { Actor } from '../authentication/actor';
import type { ErrorBudget } from '../subgraph/error-budget';
import { unauthenticated } from '../subgraph/errors';
import type { Caller } from '../users/user-changes';
import type { AuditedReads } from './access/audited-reads';
import type { RequestLateReads } from './late-reads';
import type { Loaders } from './loaders';

/** The context of one request. It is discarded with the request and shared with no other. */
export interface GraphqlContext {
  /** The caller. Null without an access token. */
  readonly actor: Actor | null;
  readonly requestId: string;
  /** W3C trace context of the request. With tracing, that of the operation once it has started. */
  traceparent: string | null;
  readonly loaders: Loaders;
  /** Reads that may go to a replica of PostgreSQL. */
  readonly lateReads: RequestLateReads;
  /** Collected while fields are resolved, and written to the audit log before the response is sent. */
  readonly reads: AuditedReads;
  /** Limits the errors that are built for one response. */
  readonly errors: ErrorBudget;
  /** True if the user is deactivated for a security violation and may change nothing. */
  readonly isFrozen: (userId: string) => Promise<boolean>;
  /** Ids of the resolved representations, in order; null before, or if one has no id. */
  entityIds: readonly string[] | null;
  /** Aborts when the response is no longer awaited: after the request's timeout, or when the client disconnects. */
  readonly deadline: { readonly aborted: boolean; readonly signal: AbortSignal };
  /** Metrics to record if the planned run succeeds. Absent in Apollo Server, which runs the query when the plan fails. */
  deferredMetrics?: (() => void)[];
}

/**
 * Returns the caller of a mutation.
 *
 * @throws UNAUTHENTICATED without an actor, which the access guard should have refused before
 */
export function callerOf({ actor, traceparent }: GraphqlContext): Caller {
  if (!actor) throw unauthenticated();
  return { actor, traceparent };
}
