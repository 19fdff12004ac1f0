import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { within } from '../scheduling/within';

declare module 'fastify' {
  interface FastifyRequest {
    /** Fastify's own `signal` cannot be used: it aborts as soon as the body of a POST has been read. */
    deadline: Deadline;
  }
}

/** Thrown when a request has no response before its timeout. */
export class RequestTimeoutError extends Error {
  override readonly name = 'RequestTimeoutError';

  constructor(timeoutMs: number) {
    super(`No response after ${timeoutMs} ms`);
  }
}

/** Aborts at the request's timeout, or when the client disconnects. */
export class Deadline {
  private controller: AbortController | undefined;
  private hasPassed = false;

  constructor(private readonly response: ServerResponse) {}

  get aborted(): boolean {
    // Remembered, because a late response to a closed connection counts as finished.
    this.hasPassed ||= this.response.destroyed && !this.response.writableFinished;
    return this.hasPassed;
  }

  /** Created only when it is asked for, because most requests need none. */
  get signal(): AbortSignal {
    if (!this.controller) {
      const controller = new AbortController();
      this.controller = controller;
      if (this.aborted) controller.abort();
      this.response.once('close', () => {
        if (this.response.writableFinished) return;
        this.hasPassed = true;
        controller.abort();
      });
    }
    return this.controller.signal;
  }

  abort(reason: Error): void {
    this.hasPassed = true;
    this.controller?.abort(reason);
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
 * At the timeout it aborts `request.deadline` and rejects. `respond` keeps running until it checks that deadline. Its
 * late result is dropped.
 *
 * @throws RequestTimeoutError when `respond` takes longer than `timeoutMs`
 */
export async function withinDeadline<T>(
  { request, reply, timeoutMs }: DeadlineOptions,
  respond: () => Promise<T>,
): Promise<T> {
  const deadline = new Deadline(reply.raw);
  request.deadline = deadline;
  return within(respond(), timeoutMs, () => {
    const error = new RequestTimeoutError(timeoutMs);
    deadline.abort(error);
    return error;
  });
}
