import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../test/testkit/eventually';
import type { RabbitMqNode } from '../test/testkit/rabbitmq-node';
import type { ServiceProcess } from '../test/testkit/service-processes';
import type { TcpProxy } from '../test/testkit/tcp-proxy';
import type { ForeignEvents } from './fault-load';
import type { Witness } from './fault-witness';
import type { Stage } from './stage';

/** Nothing else that the service says to a RabbitMQ that says nothing is as long as an event. */
const leastEventBytes = 300;
/** How long to wait for a window to open: a busy machine needs its time. */
const openingLimitMs = 20_000;
/** Where a kill can hit, and whom: each of the two that events go between. */
export const windows = [
  'the service before the publish',
  'RabbitMQ before it reads the event',
  'the service before the confirm',
  'RabbitMQ before the confirm',
  'the service before the acknowledgement',
  'RabbitMQ before the acknowledgement',
  'the service at random',
  'RabbitMQ at random',
] as const;
export type Window = (typeof windows)[number];

/** Who plays in a run. */
export interface Scene {
  readonly stage: Stage;
  /** Between the service and RabbitMQ. */
  readonly proxy: TcpProxy;
  readonly rabbitmq: RabbitMqNode;
  readonly service: ServiceProcess;
  readonly witness: Witness;
  readonly foreign: ForeignEvents;
}

/** Whom a kill in this window ends. */
export function victimOf(window: Window): 'service' | 'rabbitmq' {
  return window.startsWith('RabbitMQ') ? 'rabbitmq' : 'service';
}

/** Kills the service or RabbitMQ in the window; answers whether that was hit. */
export async function killIn(window: Window, scene: Scene): Promise<boolean> {
  const { proxy, rabbitmq, foreign } = scene;
  const kill = () => scene[victimOf(window)].kill();
  switch (window) {
    case 'the service before the publish':
      proxy.freeze();
      await isThere(() => isWaiting(scene, { arrived: false }));
      await kill();
      // Whatever was on its way arrives before the question is asked.
      await delay(100);
      return isWaiting(scene, { arrived: false });
    case 'RabbitMQ before it reads the event': {
      rabbitmq.freeze();
      const saidBefore = proxy.requestBytes;
      const hit = await isThere(
        async () =>
          proxy.requestBytes - saidBefore > leastEventBytes && (await isWaiting(scene, { arrived: false })),
      );
      await kill();
      return hit;
    }
    case 'the service before the confirm':
    case 'RabbitMQ before the confirm':
      proxy.holdResponses();
      // A confirm that was on its way gets there.
      await delay(50);
      await isThere(() => isWaiting(scene, { arrived: true }));
      await kill();
      return isWaiting(scene, { arrived: true });
    case 'the service before the acknowledgement':
    case 'RabbitMQ before the acknowledgement': {
      // While more waits than may be unanswered at once, what is published now would not be delivered.
      await foreign.published();
      await isThere(async () => (await foreign.countWaiting()) === 0);
      proxy.holdRequests();
      const ids = foreign.publish(20);
      await isThere(async () => (await foreign.countFolded(ids)) > 0);
      await kill();
      return (await foreign.countFolded(ids)) > 0;
    }
    case 'the service at random':
    case 'RabbitMQ at random':
      await delay(Math.random() * 700);
      await kill();
      return true;
  }
}

/** Whether there is an event that is committed and not marked as published, and that the witness has or has not. */
async function isWaiting({ stage, witness }: Scene, { arrived }: { arrived: boolean }): Promise<boolean> {
  const waiting = await stage.database.query<{ id: string }>(
    `SELECT id FROM outbox_events WHERE published_at IS NULL AND type LIKE 'User%' AND version IS NOT NULL`,
  );
  return waiting.some(({ id }) => witness.ids.has(id) === arrived);
}

function isThere(check: () => Promise<boolean>): Promise<boolean> {
  return eventually(
    async () => {
      if (!(await check())) throw new Error('not yet');
    },
    { timeoutMs: openingLimitMs, intervalMs: 5 },
  ).then(
    () => true,
    () => false,
  );
}
