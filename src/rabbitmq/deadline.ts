/**
 * What `work` answers, if it answers in time.
 *
 * @throws Error when it takes longer than `limitMs`; the work itself goes on, unheard
 */
export async function withDeadline<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('RabbitMQ did not answer in time')), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
