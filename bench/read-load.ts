import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const readsPerSecond = 50;
const representations = 10;

export interface ReadLoadOptions {
  readonly url: string;
  readonly token: string;
  /** The ids of the users to read. */
  readonly ids: readonly string[];
}

export interface Reads {
  /** Response times by kind of query. */
  readonly responseMs: Readonly<Record<string, number[]>>;
  readonly failed: number;
}

const queries = {
  'user { history(first: 10) }': (pick: () => string) => ({
    query:
      'query History($id: ID!) { user(id: $id) { email history(first: 10) { nodes { type occurredAt summary } } } }',
    variables: { id: pick() },
  }),
  '_entities of 10 users': (pick: () => string) => ({
    query:
      'query Entities($r: [_Any!]!) { _entities(representations: $r) { ... on User { displayName status email } } }',
    variables: { r: Array.from({ length: representations }, () => ({ __typename: 'User', id: pick() })) },
  }),
};

/** Sends reads at a steady rate, without waiting for responses, until `stop`. */
export function startReads({ url, token, ids }: ReadLoadOptions): { stop(): Promise<Reads> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const responseMs: Record<string, number[]> = Object.fromEntries(
    Object.keys(queries).map((name) => [name, []]),
  );
  const sent: Promise<void>[] = [];
  let failed = 0;
  let stopping = false;
  const pick = () => ids[Math.floor(Math.random() * ids.length)] as string;
  const send = async () => {
    const [name, build] = Object.entries(queries)[sent.length % 2] as [
      string,
      (pick: () => string) => object,
    ];
    const startedAtMs = performance.now();
    try {
      await post({ url, token, agent }, JSON.stringify(build(pick)));
      responseMs[name]?.push(performance.now() - startedAtMs);
    } catch {
      failed += 1;
    }
  };
  const running = (async () => {
    const startedAtMs = performance.now();
    while (!stopping) {
      const due = ((performance.now() - startedAtMs) * readsPerSecond) / 1_000;
      while (sent.length < due) sent.push(send());
      await delay(1);
    }
  })();
  return {
    async stop() {
      stopping = true;
      await running;
      await Promise.all(sent);
      agent.destroy();
      return { responseMs, failed };
    },
  };
}

function post(
  { url, token, agent }: { url: string; token: string; agent: Agent },
  body: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const sending = request(`${url}/graphql`, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += String(chunk);
      });
      response.on('end', () => {
        if (text.includes('"data"') && !text.includes('"errors"')) resolve();
        else reject(new Error(`a read responded with ${text.slice(0, 200)}`));
      });
    });
    sending.on('error', reject);
    sending.end(body);
  });
}
