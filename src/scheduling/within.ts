/** A promise did not settle within its time limit. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/**
 * Settles as `promise` does. The work behind the promise continues after the limit, and its result is dropped.
 *
 * @param late the message of the TimeoutError, or a function that returns the error to throw instead
 * @throws TimeoutError, or that error, after `limitMs` milliseconds
 */
export async function within<T>(
  promise: Promise<T>,
  limitMs: number,
  late: string | (() => Error),
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(typeof late === 'string' ? new TimeoutError(late) : late()), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
