import type { FastifyReply, FastifyRequest } from 'fastify';
import { within } from '../scheduling/within';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Aborts at the request's timeout, or when the client disconnects.
     *
     * Fastify's own `signal` cannot be used: it aborts as soon as the body of a POST has been read.
     */
    deadline: AbortSignal;
  }
}

/** Thrown when a request has no response before its timeout. */
export class RequestTimeoutError extends Error {
  override readonly name = 'RequestTimeoutError';

  constructor(timeoutMs: number) {
    super(`No response after ${timeoutMs} ms`);
  }
}

export interface DeadlineOptions {
  request: FastifyRequest;
  reply: FastifyReply;
  timeoutMs: number;
}

/**
 * Resolves to the result of `respond`.
 *
 * At the timeout it aborts `request.deadline` and rejects. `respond` keeps running until it checks that signal. Its
 * late result is dropped.
 *
 * @throws RequestTimeoutError when `respond` takes longer than `timeoutMs`
 */
export async function withinDeadline<T>(
  { request, reply, timeoutMs }: DeadlineOptions,
  respond: () => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  request.deadline = controller.signal;
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return within(respond(), timeoutMs, () => {
    const error = new RequestTimeoutError(timeoutMs);
    controller.abort(error);
    return error;
  });
}
