import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { historyQueue } from '../src/rabbitmq/topology';
import { eventually } from '../test/testkit/eventually';
import { startRabbitMqNode } from '../test/testkit/rabbitmq-node';
import { type ServiceProcess, staffToken, startServiceProcess } from '../test/testkit/service-processes';
import { startTcpProxy } from '../test/testkit/tcp-proxy';
import { ForeignEvents, MutationLoad } from './fault-load';
import { isEnough, judge, rarestWindow, type Tally } from './fault-verdict';
import { killIn, type Scene, victimOf, windows } from './fault-windows';
import { Witness } from './fault-witness';
import { type Stage, withChannel, withServices } from './stage';

const shortRunSeconds = process.env['FAULTS_SECONDS'];
/** A full run ends with enough kills and load; it fails when this limit comes first. */
const limitMs = Number(shortRunSeconds ?? 1_800) * 1_000;
const firstUsers = 50;
const eventsPerKill = 500;

async function main(): Promise<boolean> {
  const rabbitmq = await startRabbitMqNode();
  try {
    // The run kills RabbitMQ, so it starts a node of its own.
    process.env['TEST_AMQP_URL'] = rabbitmq.url;
    return await withServices((open) =>
      open(async (stage) => {
        if (stage.amqpUrl !== rabbitmq.url)
          throw new Error('the run must not kill this RabbitMQ: it did not start it');
        const directory = mkdtempSync(join(tmpdir(), 'user-service-faults-'));
        const proxy = await startTcpProxy(stage.amqpUrl);
        const witness = new Witness(stage);
        try {
          return await killLoop({ stage, proxy, rabbitmq, witness }, directory);
        } finally {
          await witness.stop();
          await proxy.close();
          rmSync(directory, { recursive: true, force: true });
        }
      }),
    );
  } finally {
    await rabbitmq.remove();
  }
}

async function killLoop(scene: Omit<Scene, 'service' | 'foreign'>, directory: string): Promise<boolean> {
  const { stage, proxy, rabbitmq, witness } = scene;
  const start = () =>
    startServiceProcess({
      ...stage,
      amqpUrl: proxy.url,
      directory,
      redisPrefix: `${stage.prefix}user:`,
      amqpPrefix: stage.prefix,
    });
  let service = await start();
  const load = new MutationLoad(await staffToken(directory));
  load.url = service.url;
  const foreign = new ForeignEvents(stage, await firstUserIds(load));
  const tally: Tally = {
    load,
    foreign,
    witness,
    isShort: shortRunSeconds !== undefined,
    kills: new Map(windows.map((window) => [window, { hits: 0, tries: 0 }])),
  };

  const startedMs = performance.now();
  const seconds = () => Math.round((performance.now() - startedMs) / 1_000);
  while (!isEnough(tally) && performance.now() < startedMs + limitMs) {
    const window = rarestWindow(tally);
    foreign.publish(eventsPerKill);
    await delay(Math.random() * 500);
    const hit = await killIn(window, { ...scene, service, foreign });
    const count = tally.kills.get(window);
    if (count) Object.assign(count, { tries: count.tries + 1, hits: count.hits + (hit ? 1 : 0) });
    if (victimOf(window) === 'service') load.url = null;
    // Drops bytes that the proxy held back, so that they cannot arrive after their sender was killed.
    proxy.cut();
    await proxy.resume();
    if (victimOf(window) === 'service') service = await start();
    else await rabbitmq.start();
    load.url = service.url;
    await foreign.published();
    await untilRecovered(service);
    process.stderr.write(`${seconds()} s: killed ${window}${hit ? '' : ', missed the window'}\n`);
  }
  await load.stop();
  await untilDrained(stage, foreign, witness);
  const sound = await judge(stage, tally, seconds());
  await service.stop();
  return sound;
}

async function firstUserIds(load: MutationLoad): Promise<string[]> {
  await eventually(
    () => {
      if (load.acknowledged.size < firstUsers) throw new Error('too few users');
    },
    { timeoutMs: 30_000 },
  );
  return [...load.acknowledged.keys()];
}

/** Waits until the service reports no degraded dependency. */
async function untilRecovered({ url }: ServiceProcess): Promise<void> {
  await eventually(
    async () => {
      const response = await fetch(`${url}/health/ready`);
      const { degraded } = (await response.json()) as { degraded: string[] };
      if (degraded.length > 0) throw new Error(`the service is degraded: ${degraded.join(', ')}`);
    },
    { timeoutMs: 60_000 },
  );
}

/** Waits until every committed event is published and every incoming event is folded or parked. */
async function untilDrained(
  { database, amqpUrl, prefix }: Stage,
  foreign: ForeignEvents,
  witness: Witness,
): Promise<void> {
  await eventually(
    async () => {
      const [row] = await database.query<{ waits: string; versions: string; parked: string }>(
        `SELECT (SELECT count(*) FROM outbox_events WHERE published_at IS NULL) AS waits,
         (SELECT count(*) FROM outbox_events WHERE version IS NOT NULL) AS versions,
         (SELECT count(*) FROM parked_messages) AS parked`,
      );
      if (Number(row?.waits) > 0) throw new Error(`${row?.waits} events wait to be published`);
      const received = [...witness.sequences.values()].reduce((sum, { length }) => sum + length, 0);
      if (received < Number(row?.versions)) throw new Error('published events have not arrived');
      const waiting = (await foreign.countWaiting()) - Number(row?.parked);
      if (waiting > 0) throw new Error(`${waiting} events wait to be folded`);
      const { messageCount } = await withChannel(amqpUrl, (channel) =>
        channel.checkQueue(`${prefix}${historyQueue}`),
      );
      if (messageCount > 0) throw new Error(`${messageCount} messages wait`);
    },
    { timeoutMs: 60_000, intervalMs: 250 },
  ).catch((error: unknown) => process.stdout.write(`did not drain: ${(error as Error).message}\n`));
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
void main().then(
  (sound) => process.exit(sound ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${(error as Error).stack}\n`);
    process.exit(1);
  },
);
