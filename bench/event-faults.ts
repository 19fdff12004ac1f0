import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { historyQueue } from '../src/rabbitmq/topology';
import { eventually } from '../test/testkit/eventually';
import { type ServiceProcess, staffToken, startServiceProcess } from '../test/testkit/service-processes';
import { startTcpProxy, type TcpProxy } from '../test/testkit/tcp-proxy';
import { MutationLoad, publishForeignEvents } from './fault-load';
import { judge, type Window, type Witnessed, windows } from './fault-verdict';
import { type Stage, withChannel, withServices, witnessQueue } from './stage';

const durationMs = Number(process.env['FAULTS_SECONDS'] ?? 180) * 1_000;
const eventsPerKill = 400;
async function main(): Promise<boolean> {
  return withServices((open) =>
    open(async (stage) => {
      const directory = mkdtempSync(join(tmpdir(), 'user-service-faults-'));
      const proxy = await startTcpProxy(stage.amqpUrl);
      try {
        return await withChannel(stage.amqpUrl, async (channel) => {
          const witnessed: Witnessed = { ids: new Set(), sequences: new Map(), repeats: 0 };
          await channel.consume(
            witnessQueue(stage.prefix),
            (message) => message && witness(witnessed, message.content),
            { noAck: true },
          );
          return await killLoop(stage, proxy, directory, witnessed);
        });
      } finally {
        await proxy.close();
        rmSync(directory, { recursive: true, force: true });
      }
    }),
  );
}

function witness(witnessed: Witnessed, content: Buffer): void {
  const { ids, sequences } = witnessed;
  const event = JSON.parse(content.toString()) as { id: string; subject: string; sequence?: string };
  if (ids.has(event.id)) witnessed.repeats += 1;
  else {
    ids.add(event.id);
    // A request to another service is no change of the user.
    if (event.sequence === undefined) return;
    sequences.set(event.subject, [...(sequences.get(event.subject) ?? []), Number(event.sequence)]);
  }
}

async function killLoop(
  stage: Stage,
  proxy: TcpProxy,
  directory: string,
  witnessed: Witnessed,
): Promise<boolean> {
  const start = () =>
    startServiceProcess({
      ...stage,
      amqpUrl: proxy.url,
      directory,
      redisPrefix: `${stage.prefix}user:`,
      amqpPrefix: stage.prefix,
    });
  const kills = new Map<Window, number>(windows.map((window) => [window, 0]));
  const expected: string[] = [];
  let service = await start();
  const load = new MutationLoad(await staffToken(directory));
  load.url = service.url;
  await eventually(
    () => {
      if (load.acknowledged.size < 50) throw new Error('too few users');
    },
    { timeoutMs: 30_000 },
  );
  const userIds = [...load.acknowledged.keys()];

  const endsAtMs = performance.now() + durationMs;
  for (let turn = 0; performance.now() < endsAtMs; turn += 1) {
    const window = windows[turn % windows.length] as Window;
    expected.push(...(await publishForeignEvents(stage, userIds, eventsPerKill)));
    await delay(Math.random() * 500);
    const hit = await killIn(window, { stage, proxy, service, witnessed, userIds, expected });
    if (hit) kills.set(window, (kills.get(window) ?? 0) + 1);
    load.url = null;
    // What was held back must not arrive after the end of who said it.
    proxy.cut();
    await proxy.resume();
    service = await start();
    load.url = service.url;
  }
  await load.stop();
  await settle(stage, expected.length);
  const sound = await judge(stage, load, witnessed, expected, kills);
  await service.stop();
  return sound;
}

interface Scene {
  readonly stage: Stage;
  readonly proxy: TcpProxy;
  readonly service: ServiceProcess;
  readonly witnessed: Witnessed;
  readonly userIds: readonly string[];
  readonly expected: string[];
}

/** Kills the service in the window; answers whether it was hit. */
async function killIn(window: Window, scene: Scene): Promise<boolean> {
  const { stage, proxy, service, witnessed, userIds, expected } = scene;
  const waiting = async (arrived: boolean) =>
    (
      await stage.database.query<{ id: string }>(
        `SELECT id FROM outbox_events WHERE published_at IS NULL AND type LIKE 'User%' AND version IS NOT NULL`,
      )
    ).some(({ id }) => witnessed.ids.has(id) === arrived);
  const isThere = (check: () => Promise<boolean>) =>
    eventually(
      async () => {
        if (!(await check())) throw new Error('not yet');
      },
      { timeoutMs: 5_000, intervalMs: 5 },
    ).then(
      () => true,
      () => false,
    );
  switch (window) {
    case 'before the publish':
      proxy.freeze();
      await isThere(() => waiting(false));
      await service.kill();
      // Whatever was on its way arrives before the question is asked.
      await delay(100);
      return waiting(false);
    case 'before the confirm':
      proxy.holdAnswers();
      await isThere(() => waiting(true));
      await service.kill();
      return waiting(true);
    case 'before the acknowledgement': {
      // While more waits than may be unanswered at once, what is published now would not be delivered.
      const recent = expected.slice(-eventsPerKill);
      await isThere(async () => (await countFolded(stage, recent)) === recent.length);
      proxy.holdRequests();
      const ids = await publishForeignEvents(stage, userIds, 20);
      expected.push(...ids);
      const folded = async () => (await countFolded(stage, ids)) > 0;
      await isThere(folded);
      await service.kill();
      return folded();
    }
    case 'at random':
      await delay(Math.random() * 700);
      await service.kill();
      return true;
  }
}

async function countFolded({ database }: Stage, ids: readonly string[]): Promise<number> {
  const [row] = await database.query<{ count: string }>(
    'SELECT count(*) FROM user_history WHERE event_id = ANY ($1)',
    [ids],
  );
  return Number(row?.count);
}

/** Waits until everything that was committed is published, and everything that was published to us is dealt with. */
async function settle({ database, amqpUrl, prefix }: Stage, expectedCount: number): Promise<void> {
  await eventually(
    async () => {
      const [row] = await database.query<{ waits: string; folded: string; parked: string }>(
        `SELECT (SELECT count(*) FROM outbox_events WHERE published_at IS NULL) AS waits,
         (SELECT count(*) FROM user_history WHERE type IN ('ORDER_PLACED', 'LOYALTY_POINTS_EARNED')) AS folded,
         (SELECT count(*) FROM parked_messages) AS parked`,
      );
      if (Number(row?.waits) > 0) throw new Error('events wait to be published');
      if (Number(row?.folded) + Number(row?.parked) < expectedCount)
        throw new Error('events wait to be folded');
      const { messageCount } = await withChannel(amqpUrl, (channel) =>
        channel.checkQueue(`${prefix}${historyQueue}`),
      );
      if (messageCount > 0) throw new Error('messages wait');
    },
    { timeoutMs: 60_000, intervalMs: 250 },
  ).catch((error: unknown) => process.stdout.write(`did not settle: ${(error as Error).message}\n`));
}

void main().then(
  (sound) => process.exit(sound ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${(error as Error).stack}\n`);
    process.exit(1);
  },
);
