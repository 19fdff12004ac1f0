import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A proxy to a backing service, with which a test can simulate failures of that service. */
export interface TcpProxy {
  /** The service's URL through this proxy. */
  readonly url: string;
  /** Closes all connections and refuses new ones, like a stopped service. */
  stop(): Promise<void>;
  /** Keeps and accepts connections but forwards nothing, like a frozen service. */
  freeze(): void;
  /** Forwards requests and holds responses back. */
  holdResponses(): void;
  /** Forwards responses and holds requests back. */
  holdRequests(): void;
  /** Sends bytes to every client, as if from the service. */
  sendToClients(bytes: Buffer): void;
  /** Sends bytes to the service on every connection, as if from the client. */
  sendToService(bytes: Buffer): void;
  /** Forwards everything again, including what was held back. */
  resume(): Promise<void>;
  /** Closes the open connections; accepts new ones. */
  cut(): void;
  /** The number of open connections. */
  readonly connections: number;
  /** The number of bytes forwarded to the service so far. */
  readonly requestBytes: number;
  close(): Promise<void>;
}

/** Starts a proxy to the service at `url`, on a free port of 127.0.0.1. */
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
