import type { FastifyReply, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Aborts when the request's time is up or its client has gone.
     *
     * Not Fastify's own `signal`: that one aborts as soon as the body of a POST has been read.
     */
    deadline: AbortSignal;
  }
}

/** The request had no answer when its time was up. */
export class RequestTimeoutError extends Error {
  override readonly name = 'RequestTimeoutError';

  constructor(timeoutMs: number) {
    super(`No answer after ${timeoutMs} ms`);
  }
}

/**
 * Resolves as `answer` does, or rejects with RequestTimeoutError after `timeoutMs`, and aborts `request.deadline`.
 *
 * The work itself goes on until it looks at the signal; its late result is dropped.
 */
export async function withinDeadline<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  timeoutMs: number,
  answer: () => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  request.deadline = controller.signal;
  let timer: NodeJS.Timeout | undefined;
  reply.raw.once('close', () => {
    clearTimeout(timer);
    if (!reply.raw.writableFinished) controller.abort();
  });
  const timeUp = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new RequestTimeoutError(timeoutMs);
      controller.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([answer(), timeUp]);
  } finally {
    clearTimeout(timer);
  }
}
