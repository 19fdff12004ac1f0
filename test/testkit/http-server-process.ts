import { startTestHttpServer } from './test-http-server';

/**
 * Starts a test server, drains it on SIGTERM, then starts the next: twenty terminations cost one start of Node.
 * Sends its parent the URL of each server, and `drained` when a server is closed.
 */
async function serve(): Promise<void> {
  for (;;) {
    const server = await startTestHttpServer();
    process.send?.({ url: server.url });
    await new Promise<void>((resolve) => {
      process.once('SIGTERM', () => resolve());
    });
    await server.http.drain({ delayMs: 20, idleGraceMs: 500, timeoutMs: 5000 });
    process.send?.({ drained: true });
  }
}

process.once('disconnect', () => process.exit(0));
void serve();
