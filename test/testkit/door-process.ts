import { startTestDoor } from './http-door';

/**
 * Serves the test door, drains it on SIGTERM, then opens the next one: twenty terminations cost one start of Node.
 * Sends its parent the URL of each door, and `drained` when a door is closed.
 */
async function serve(): Promise<void> {
  for (;;) {
    const door = await startTestDoor();
    process.send?.({ url: door.url });
    await new Promise<void>((resolve) => {
      process.once('SIGTERM', () => resolve());
    });
    await door.http.drain({ delayMs: 20, idleGraceMs: 500, timeoutMs: 5000 });
    process.send?.({ drained: true });
  }
}

process.once('disconnect', () => process.exit(0));
void serve();
