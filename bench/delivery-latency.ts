import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../test/testkit/eventually';
import { staffToken, startServiceProcess } from '../test/testkit/service-processes';
import type { EventTimes } from './commit-times-process';
import { type CpuUse, watchCpu } from './cpu-use';
import { type Stage, withChannel, witnessQueue } from './stage';

const mutationsPerSecond = 200;
/** Covers JIT compilation: a service that has just started uses twice the CPU. */
const warmUpMs = 20_000;
const durationMs = 10_000;

export interface Latencies {
  /** From the commit of a change to another team's consumer of its event. */
  readonly deliveryMs: number[];
  /** From the commit to the relay's first publish. */
  readonly sentMs: number[];
  /** From the time when the request was due, even if it was sent later, to the response. */
  readonly responseMs: number[];
  readonly perSecond: number;
  /** Requests that the service refused as overloaded. */
  readonly refused: number;
  /** From the first request to the last response. */
  readonly cpu: CpuUse;
  readonly elapsedMs: number;
}

/** Measures the time from commit to delivery at a steady rate of mutations against the running service. */
export async function measureLatency(stage: Stage): Promise<Latencies> {
  const directory = mkdtempSync(join(tmpdir(), 'user-service-bench-'));
  const service = await startServiceProcess({
    ...stage,
    directory,
    redisPrefix: `${stage.prefix}user:`,
    amqpPrefix: stage.prefix,
    program: join(__dirname, 'commit-times-process.ts'),
  });
  const committedAtMs = new Map<string, number>();
  const sentAtMs = new Map<string, number>();
  service.process.on(
    'message',
    ({ commits = [], sends = [] }: { commits?: EventTimes; sends?: EventTimes }) => {
      for (const [id, atMs] of commits) committedAtMs.set(id, atMs);
      for (const [id, atMs] of sends) if (!sentAtMs.has(id)) sentAtMs.set(id, atMs);
    },
  );
  try {
    const token = await staffToken(directory);
    return await withChannel(stage.amqpUrl, async (channel) => {
      const arrivals: { id: string; atMs: number }[] = [];
      await channel.consume(
        witnessQueue(stage.prefix),
        (message) => {
          if (!message) return;
          arrivals.push({
            id: String(message.properties.messageId),
            atMs: performance.timeOrigin + performance.now(),
          });
        },
        { noAck: true },
      );
      await load(service.url, token, warmUpMs);
      await eventually(() => settled(arrivals.length));
      arrivals.length = 0;
      const cpuWatch = await watchCpu(stage.database, service.process.pid);
      const startedAtMs = performance.now();
      const { responseMs, refused } = await load(service.url, token, durationMs);
      const elapsedMs = performance.now() - startedAtMs;
      const cpu = await cpuWatch.stop();
      await eventually(
        () => {
          if (
            arrivals.some(({ id }) => !committedAtMs.has(id) || !sentAtMs.has(id)) ||
            arrivals.length < responseMs.length
          )
            throw new Error('events have not arrived yet');
        },
        { timeoutMs: 10_000 },
      );
      const sinceCommit = (id: string, atMs: number) => atMs - (committedAtMs.get(id) as number);
      return {
        deliveryMs: arrivals.map(({ id, atMs }) => sinceCommit(id, atMs)),
        sentMs: arrivals.map(({ id }) => sinceCommit(id, sentAtMs.get(id) as number)),
        cpu,
        elapsedMs,
        responseMs,
        refused,
        perSecond: (responseMs.length * 1_000) / durationMs,
      };
    });
  } finally {
    await service.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

let lastCount = -1;
/** Throws while the count still grows. */
function settled(count: number): void {
  const before = lastCount;
  lastCount = count;
  if (count !== before) throw new Error('events have not arrived yet');
}

/** Sends mutations at a steady rate, without waiting for responses; returns their response times. */
async function load(
  url: string,
  token: string,
  forMs: number,
): Promise<{ responseMs: number[]; refused: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const sent: Promise<number | 'refused'>[] = [];
  const startedAtMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < forMs; elapsedMs = performance.now() - startedAtMs) {
    const dueByNow = Math.min((elapsedMs * mutationsPerSecond) / 1_000, (forMs * mutationsPerSecond) / 1_000);
    while (sent.length < dueByNow) {
      const dueAtMs = startedAtMs + (sent.length * 1_000) / mutationsPerSecond;
      sent.push(createUser({ url, token, agent }, dueAtMs));
    }
    await delay(1);
  }
  const outcomes = await Promise.all(sent);
  agent.destroy();
  const responseMs = outcomes.filter((outcome) => outcome !== 'refused');
  return { responseMs, refused: outcomes.length - responseMs.length };
}

const query = 'mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }';

interface Target {
  readonly url: string;
  readonly token: string;
  readonly agent: Agent;
}

function createUser({ url, token, agent }: Target, dueAtMs: number): Promise<number | 'refused'> {
  const email = `ada.${randomBytes(8).toString('hex')}@example.com`;
  const body = JSON.stringify({
    query,
    variables: { input: { email, firstName: 'Ada', lastName: 'Lovelace' } },
  });
  return new Promise((resolve, reject) => {
    const sending = request(
      `${url}/graphql`,
      {
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.on('end', () => {
          if (text.includes('CreateUserSuccess')) resolve(performance.now() - dueAtMs);
          else if (text.includes('SERVICE_UNAVAILABLE')) resolve('refused');
          else reject(new Error(`createUser responded with ${text.slice(0, 200)}`));
        });
      },
    );
    sending.on('error', reject);
    sending.end(body);
  });
}
