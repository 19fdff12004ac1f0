import { join } from 'node:path';

/** One request of a load. */
export interface LoadRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface LoadOptions {
  /** Up to and including the port; requests go to `/graphql`. */
  readonly url: string;
  /** Makes the request with this number; it is called once for each request that is sent. */
  readonly nextRequest: () => LoadRequest;
  readonly durationSeconds: number;
  /** Requests a second over all connections, sent whether or not earlier ones have a response; unset: as many as go. */
  readonly rate?: number;
  /** Defaults to 32. */
  readonly connections?: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const defaultConnections = 32;
/** The peers' folder has its own dependencies; the load generator is one of them. */
const autocannonFolder = join(__dirname, 'peers', 'node_modules', 'autocannon');

/**
 * Loads a server on this machine over keep-alive connections for a bounded time.
 *
 * @throws Error when a response is not 200, or a connection fails
 */
export async function loadServer({
  url,
  nextRequest,
  durationSeconds,
  rate,
  connections = defaultConnections,
}: LoadOptions): Promise<LoadResult> {
  const responseMs: number[] = [];
  const startedAtMs = performance.now();
  const result = await loadAutocannon()({
    url,
    connections,
    duration: durationSeconds,
    ...(rate === undefined ? {} : { overallRate: rate }),
    requests: [
      {
        method: 'POST',
        path: '/graphql',
        setupRequest: (request) => ({ ...request, ...nextRequest() }),
      },
    ],
    setupClient: (client) => {
      client.on('response', (_status, _bytes, responseTimeMs) => responseMs.push(responseTimeMs));
    },
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${url}: ${result.non2xx} responses were not 200, ${result.errors} connections failed`);
  responseMs.sort((one, other) => one - other);
  const percentile = (share: number) => responseMs[Math.floor((responseMs.length - 1) * share)] ?? Number.NaN;
  return {
    requests: responseMs.length,
    elapsedMs: performance.now() - startedAtMs,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
  };
}

interface AutocannonClient {
  on(event: 'response', listener: (status: number, bytes: number, responseTimeMs: number) => void): void;
}

type Autocannon = (options: {
  url: string;
  connections: number;
  duration: number;
  overallRate?: number;
  requests: {
    method: string;
    path: string;
    setupRequest: (request: object) => object;
  }[];
  setupClient: (client: AutocannonClient) => void;
}) => Promise<{ non2xx: number; errors: number }>;

function loadAutocannon(): Autocannon {
  // Installed by bench/peers/package.json, which this package's own types do not see.
  return require(autocannonFolder) as Autocannon;
}
