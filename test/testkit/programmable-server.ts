import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the server responds to a request. */
export type PlannedResponse =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  /** Never responds. */
  | 'freeze'
  /** Closes the connection without a response. */
  | 'reset';

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly at: number;
}

/** An HTTP server on a free port that responds as the test plans and records requests. */
export interface ProgrammableServer {
  readonly url: URL;
  readonly requests: RecordedRequest[];
  /** Queues responses for the next requests, one each. */
  next(...responses: PlannedResponse[]): void;
  /** Sets the response to requests for which none is queued. */
  always(response: PlannedResponse | ((request: RecordedRequest) => PlannedResponse)): void;
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
      respond(queue.shift() ?? (typeof usual === 'function' ? usual(request) : usual), response);
    });
  });
  await listen(server);
  const { port } = server.address() as AddressInfo;

  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    requests,
    next: (...responses) => {
      queue = [...queue, ...responses];
    },
    always: (planned) => {
      usual = planned;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function respond(planned: PlannedResponse, response: ServerResponse): void {
  if (planned === 'freeze') return;
  if (planned === 'reset') {
    response.socket?.destroy();
    return;
  }
  const { status, headers = {}, body = '' } = planned;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}
