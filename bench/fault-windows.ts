import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../test/testkit/eventually';
import type { RabbitMqNode } from '../test/testkit/rabbitmq-node';
import type { ServiceProcess } from '../test/testkit/service-processes';
import type { TcpProxy } from '../test/testkit/tcp-proxy';
import type { ForeignEvents } from './fault-load';
import type { Witness } from './fault-witness';
import type { Stage } from './stage';

/** An event is longer than anything else that the service sends to an unresponsive RabbitMQ. */
const leastEventBytes = 300;
/** The time limit for a window to open, generous for a machine under load. */
const openingLimitMs = 20_000;
/** The windows of a kill: the process to kill and the step that it interrupts. */
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

/** The processes and connections of a run. */
export interface Scene {
  readonly stage: Stage;
  /** Between the service and RabbitMQ. */
  readonly proxy: TcpProxy;
  readonly rabbitmq: RabbitMqNode;
  readonly service: ServiceProcess;
  readonly witness: Witness;
  readonly foreign: ForeignEvents;
}

/** Returns the process that a kill in this window ends. */
export function victimOf(window: Window): 'service' | 'rabbitmq' {
  return window.startsWith('RabbitMQ') ? 'rabbitmq' : 'service';
}

/** Kills the service or RabbitMQ in the window; returns whether the kill hit the window. */
export async function killIn(window: Window, scene: Scene): Promise<boolean> {
  const { proxy, rabbitmq, foreign } = scene;
  const kill = () => scene[victimOf(window)].kill();
  switch (window) {
    case 'the service before the publish':
      proxy.freeze();
      await becomesTrue(() => isWaiting(scene, { arrived: false }));
      await kill();
      // Messages in flight arrive before the check.
      await delay(100);
      return isWaiting(scene, { arrived: false });
    case 'RabbitMQ before it reads the event': {
      rabbitmq.freeze();
      const bytesBefore = proxy.requestBytes;
      const hit = await becomesTrue(
        async () =>
          proxy.requestBytes - bytesBefore > leastEventBytes && (await isWaiting(scene, { arrived: false })),
      );
      await kill();
      return hit;
    }
    case 'the service before the confirm':
    case 'RabbitMQ before the confirm':
      proxy.holdResponses();
      // A confirm in flight arrives first.
      await delay(50);
      await becomesTrue(() => isWaiting(scene, { arrived: true }));
      await kill();
      return isWaiting(scene, { arrived: true });
    case 'the service before the acknowledgement':
    case 'RabbitMQ before the acknowledgement': {
      // With a backlog above the prefetch limit, newly published events would not be delivered.
      await foreign.published();
      await becomesTrue(async () => (await foreign.countWaiting()) === 0);
      proxy.holdRequests();
      const ids = foreign.publish(20);
      await becomesTrue(async () => (await foreign.countFolded(ids)) > 0);
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

/** True when a committed event is not marked as published, and the witness has received it (`arrived`) or not. */
async function isWaiting({ stage, witness }: Scene, { arrived }: { arrived: boolean }): Promise<boolean> {
  const waiting = await stage.database.query<{ id: string }>(
    `SELECT id FROM outbox_events WHERE published_at IS NULL AND type LIKE 'User%' AND version IS NOT NULL`,
  );
  return waiting.some(({ id }) => witness.ids.has(id) === arrived);
}

function becomesTrue(check: () => Promise<boolean>): Promise<boolean> {
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
