import type { Logger } from '../telemetry/logger';
import type { Metrics } from '../telemetry/metrics';

/** A completed request. */
export interface CompletedRequest {
  readonly method: string;
  /** The path of its route, or `unknown`. */
  readonly route: string;
  readonly statusCode: number;
  readonly elapsedMs: number;
  /** Writes lines with the id of the request. */
  readonly log: () => Pick<Logger, 'info' | 'debug'>;
}

/** Which requests are logged when they complete. */
export type LoggedRequests = 'errors' | 'sampled' | 'all';

/** A request that takes longer is logged like an error. */
const slowRequestMs = 1000;
const sampledShare = 0.01;

/** Returns a function that counts a completed request, and logs it if it is among the logged ones. */
export function createResponseReport(
  { httpRequests }: Pick<Metrics, 'httpRequests'>,
  logged: LoggedRequests,
): (completed: CompletedRequest) => void {
  return (completed) => {
    const { method, route, statusCode, elapsedMs } = completed;
    httpRequests.inc({ route, status: statusCode });
    if (!isLogged(completed, logged)) return;
    const level = route === '/graphql' ? 'info' : 'debug';
    const durationMs = Math.round(elapsedMs * 10) / 10;
    completed.log()[level]({ method, route, statusCode, durationMs }, 'request completed');
  };
}

function isLogged({ statusCode, elapsedMs }: CompletedRequest, logged: LoggedRequests): boolean {
  if (logged === 'all' || statusCode >= 500) return true;
  return logged === 'sampled' && (elapsedMs > slowRequestMs || Math.random() < sampledShare);
}
