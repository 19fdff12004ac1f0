import { startTestDoor } from './http-door';

/**
 * A process that serves the test door and drains it on each SIGTERM, then opens the next one: so twenty
 * terminations cost one start of Node. Says where it listens, and when a door is closed, to its parent.
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
