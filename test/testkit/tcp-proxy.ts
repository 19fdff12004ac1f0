import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a backing service that a test can cut, freeze and open again, without touching the service. */
export interface TcpProxy {
  /** The service's URL, by way of this proxy. */
  readonly url: string;
  /** As if the service were stopped: connections break, and new ones are refused. */
  stop(): Promise<void>;
  /** As if the service were frozen: connections stay, new ones are taken, and nothing is answered. */
  freeze(): void;
  /** The service hears everything, and what it answers is held back. */
  holdResponses(): void;
  /** The service says what it has to say, and what it is told is held back. */
  holdRequests(): void;
  /** Says something to every client in the service's name, between two answers of its own. */
  sendToClients(bytes: Buffer): void;
  /** Says something to the service in every client's name. */
  sendToService(bytes: Buffer): void;
  /** As if the service ran again. What a frozen connection had said meanwhile arrives now. */
  resume(): Promise<void>;
  /** Breaks the connections there are; new ones are served. */
  cut(): void;
  /** How many connections there are at the moment. */
  readonly connections: number;
  /** How many bytes clients have said to the service so far. */
  readonly requestBytes: number;
  close(): Promise<void>;
}

/** Puts a proxy on a free port of 127.0.0.1 before the service that `url` names. */
export async function startTcpProxy(url: string): Promise<TcpProxy> {
  const target = new URL(url);
  const defaultPorts: Record<string, number> = {
    'postgresql:': 5432,
    'postgres:': 5432,
    'redis:': 6379,
    'amqp:': 5672,
  };
  const port = Number(target.port || defaultPorts[target.protocol]);
  const pairs = new Set<[Socket, Socket]>();
  let frozen = false;
  let responsesHeld = false;
  let requestsHeld = false;
  let requestBytes = 0;

  const server = createServer((client) => {
    const upstream = connect(port, target.hostname.replace(/^\[|\]$/g, ''));
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client]] as [Socket, Socket][]) {
      from.setNoDelay(true);
      from.on('data', (chunk: Buffer) => {
        if (to.destroyed) return;
        to.write(chunk);
        if (from === client) requestBytes += chunk.length;
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        pairs.delete(pair);
        to.destroy();
      });
      if (frozen || (from === upstream ? responsesHeld : requestsHeld)) from.pause();
    }
  });

  const listen = async (at: number) => {
    server.listen(at, '127.0.0.1');
    await once(server, 'listening');
  };
  const cut = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  const each = (action: (socket: Socket) => void) => {
    for (const pair of pairs) for (const socket of pair) action(socket);
  };

  await listen(0);
  const proxied = new URL(url);
  proxied.hostname = '127.0.0.1';
  const { port: proxyPort } = server.address() as AddressInfo;
  proxied.port = String(proxyPort);
  return {
    url: proxied.href,
    async stop() {
      if (server.listening) server.close();
      cut();
    },
    freeze() {
      frozen = true;
      each((socket) => socket.pause());
    },
    holdResponses() {
      responsesHeld = true;
      for (const [, upstream] of pairs) upstream.pause();
    },
    holdRequests() {
      requestsHeld = true;
      for (const [client] of pairs) client.pause();
    },
    sendToClients(bytes) {
      for (const [client] of pairs) client.write(bytes);
    },
    sendToService(bytes) {
      for (const [, upstream] of pairs) upstream.write(bytes);
    },
    async resume() {
      frozen = false;
      responsesHeld = false;
      requestsHeld = false;
      each((socket) => socket.resume());
      if (!server.listening) await listen(proxyPort);
    },
    cut,
    get connections() {
      return pairs.size;
    },
    get requestBytes() {
      return requestBytes;
    },
    async close() {
      if (server.listening) server.close();
      cut();
    },
  };
}
