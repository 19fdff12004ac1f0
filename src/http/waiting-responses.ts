import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Closes the responses to pipelined requests that wait for an earlier response when their connection ends. Node emits
 * `close` only for the response that the connection is sending.
 */
export function closeWaitingResponses(server: Server): void {
  const waitingBySocket = new WeakMap<Socket, Set<ServerResponse>>();
  server.on('request', ({ socket }, response) => {
    if (response.socket) return;
    const waiting = waitingBySocket.get(socket) ?? new Set();
    if (!waitingBySocket.has(socket)) {
      waitingBySocket.set(socket, waiting);
      socket.once('close', () => {
        for (const unsent of waiting) unsent.destroy().emit('close');
      });
    }
    waiting.add(response);
    response.once('socket', () => waiting.delete(response));
  });
}
