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
/** A full run ends when it has done enough, and fails if it has not by then. */
const limitMs = Number(shortRunSeconds ?? 1_800) * 1_000;
const firstUsers = 50;
const eventsPerKill = 500;

async function main(): Promise<boolean> {
  const rabbitmq = await startRabbitMqNode();
  try {
    // RabbitMQ is killed: it must be nobody else's.
    process.env['TEST_AMQP_URL'] = rabbitmq.url;
    return await withServices((open) =>
      open(async (stage) => {
        if (stage.amqpUrl !== rabbitmq.url) throw new Error('this RabbitMQ is not ours to kill');
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

async function killLoop(players: Omit<Scene, 'service' | 'foreign'>, directory: string): Promise<boolean> {
  const { stage, proxy, rabbitmq, witness } = players;
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
  const foreign = new ForeignEvents(stage, await someUsers(load));
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
    const hit = await killIn(window, { ...players, service, foreign });
    const count = tally.kills.get(window);
    if (count) Object.assign(count, { tries: count.tries + 1, hits: count.hits + (hit ? 1 : 0) });
    if (victimOf(window) === 'service') load.url = null;
    // What was held back must not arrive after the end of who said it.
    proxy.cut();
    await proxy.resume();
    if (victimOf(window) === 'service') service = await start();
    else await rabbitmq.start();
    load.url = service.url;
    await foreign.published();
    await isWhole(service);
    process.stderr.write(`${seconds()} s: killed ${window}${hit ? '' : ', which was missed'}\n`);
  }
  await load.stop();
  await settle(stage, foreign, witness);
  const sound = await judge(stage, tally, seconds());
  await service.stop();
  return sound;
}

async function someUsers(load: MutationLoad): Promise<string[]> {
  await eventually(
    () => {
      if (load.acknowledged.size < firstUsers) throw new Error('too few users');
    },
    { timeoutMs: 30_000 },
  );
  return [...load.acknowledged.keys()];
}

/** Waits until the service says that it has found RabbitMQ again. */
async function isWhole({ url }: ServiceProcess): Promise<void> {
  await eventually(
    async () => {
      const response = await fetch(`${url}/health/ready`);
      const { degraded } = (await response.json()) as { degraded: string[] };
      if (degraded.length > 0) throw new Error(`the service goes on without ${degraded.join(', ')}`);
    },
    { timeoutMs: 60_000 },
  );
}

/** Waits until everything that was committed is published, and everything that was published to us is dealt with. */
async function settle(
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
      const heard = [...witness.sequences.values()].reduce((sum, { length }) => sum + length, 0);
      if (heard < Number(row?.versions)) throw new Error('published events have not arrived');
      const waiting = (await foreign.countWaiting()) - Number(row?.parked);
      if (waiting > 0) throw new Error(`${waiting} events wait to be folded`);
      const { messageCount } = await withChannel(amqpUrl, (channel) =>
        channel.checkQueue(`${prefix}${historyQueue}`),
      );
      if (messageCount > 0) throw new Error(`${messageCount} messages wait`);
    },
    { timeoutMs: 60_000, intervalMs: 250 },
  ).catch((error: unknown) => process.stdout.write(`did not settle: ${(error as Error).message}\n`));
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
void main().then(
  (sound) => process.exit(sound ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${(error as Error).stack}\n`);
    process.exit(1);
  },
);
