import { setTimeout as delay } from 'node:timers/promises';

/**
 * Resolves to the result of the assertion once it stops throwing. Retries every `intervalMs`; after `timeoutMs` it
 * rejects with the assertion's last error.
 */
export async function eventually<T>(
  assertion: () => T | Promise<T>,
  { timeoutMs = 5_000, intervalMs = 25 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (Date.now() >= deadline) throw error;
    }
    await delay(intervalMs);
  }
}
