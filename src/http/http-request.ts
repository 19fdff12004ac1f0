import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { Deadline } from './deadline';

/** The request that `context` receives, whichever listener received it. */
export interface HttpRequest {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  /** W3C trace context for work done for this request. */
  readonly traceparent: string | null;
  readonly deadline: Deadline;
  /** Writes lines with the id of the request. */
  readonly log: FastifyRequest['log'];
}
