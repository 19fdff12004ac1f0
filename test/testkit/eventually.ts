import { setTimeout as delay } from 'node:timers/promises';

/**
 * Resolves to what the assertion answers once it stops throwing; asks again every `intervalMs`, and after
 * `timeoutMs` fails with the assertion's own last error.
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
