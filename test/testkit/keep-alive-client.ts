import { Agent, request } from 'node:http';

export interface HttpResponse {
  status: number | undefined;
  body: string;
  connection: string | undefined;
}

/** Posts a GraphQL query over the agent's connection. Rejects if the connection breaks before the response is complete. */
export function ask(
  url: string,
  query: string,
  agent: Agent,
  headers: Record<string, string> = {},
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}/graphql`, {
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/json', ...headers },
    });
    outgoing.on('error', (error) => reject(Object.assign(error, { reusedSocket: outgoing.reusedSocket })));
    outgoing.on('response', (response) => {
      let body = '';
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      const { connection } = response.headers;
      response.on('end', () => resolve({ status: response.statusCode, body, connection }));
    });
    outgoing.end(JSON.stringify({ query }));
  });
}

/**
 * Sends requests over one keep-alive connection until the server refuses connections. A refused request is not lost: a
 * load balancer would send it to another replica. Any other failure, and any response that is not `isGood`, is lost.
 */
export async function askUntilRefused(
  url: string,
  nextQuery: (served: number) => string,
  isGood: (response: HttpResponse, served: number) => boolean,
  headers: Record<string, string> = {},
): Promise<{ served: number; lost: string[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const lost: string[] = [];
  let served = 0;
  try {
    for (;;) {
      const response = await ask(url, nextQuery(served), agent, headers);
      if (isGood(response, served)) served += 1;
      else lost.push(`${response.status} ${response.body}`);
    }
  } catch (error) {
    const { code, reusedSocket } = error as NodeJS.ErrnoException & { reusedSocket?: boolean };
    if (code !== 'ECONNREFUSED') lost.push(`${code} on a ${reusedSocket ? 'reused' : 'new'} connection`);
  } finally {
    agent.destroy();
  }
  return { served, lost };
}
