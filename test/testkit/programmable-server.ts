import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a test's neighbour does with a request. */
export type PlannedResponse =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  /** Takes the request and never answers. */
  | 'freeze'
  /** Breaks the connection without an answer. */
  | 'reset';

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly at: number;
}

/** A real HTTP server on a port of its own that does what the test says and remembers what it was asked. */
export interface ProgrammableServer {
  readonly url: URL;
  readonly requests: RecordedRequest[];
  /** These answers come next, one each; after them the usual one again. */
  next(...answers: PlannedResponse[]): void;
  /** Every request from here on is answered so, where `next` says nothing else. */
  always(answer: PlannedResponse | ((request: RecordedRequest) => PlannedResponse)): void;
  close(): Promise<void>;
}

export async function startProgrammableServer(
  usually: PlannedResponse | ((request: RecordedRequest) => PlannedResponse),
): Promise<ProgrammableServer> {
  const requests: RecordedRequest[] = [];
  let queue: PlannedResponse[] = [];
  let usual = usually;

  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const request: RecordedRequest = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString('utf8'),
        at: performance.now(),
      };
      requests.push(request);
      give(queue.shift() ?? (typeof usual === 'function' ? usual(request) : usual), response);
    });
  });
  await listen(server);
  const { port } = server.address() as AddressInfo;

  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    requests,
    next: (...answers) => {
      queue = [...queue, ...answers];
    },
    always: (answer) => {
      usual = answer;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function give(answer: PlannedResponse, response: ServerResponse): void {
  if (answer === 'freeze') return;
  if (answer === 'reset') {
    response.socket?.destroy();
    return;
  }
  const { status, headers = {}, body = '' } = answer;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}
