import { Outbox } from '../src/outbox/outbox';
import { RabbitMqBroker } from '../src/rabbitmq/rabbitmq-broker';
import '../test/testkit/service-process';

/** Times of commits or sends by event id, in milliseconds since 1970. */
export type EventTimes = [eventId: string, atMs: number][];

// The unchanged service, which also reports to its parent when each change was committed and its event was sent.
let commits: EventTimes = [];
let sends: EventTimes = [];
const nowMs = () => performance.timeOrigin + performance.now();

const appendWrite = Object.getOwnPropertyDescriptor(Outbox.prototype, 'appendWrite')?.value as (
  this: Outbox,
  ...args: Parameters<Outbox['appendWrite']>
) => ReturnType<Outbox['appendWrite']>;
Outbox.prototype.appendWrite = function appendWriteAndReport(tx, ...events) {
  tx.afterCommit(() => {
    for (const { id } of events) commits.push([id, nowMs()]);
  });
  return appendWrite.call(this, tx, ...events);
};

const publish = Object.getOwnPropertyDescriptor(RabbitMqBroker.prototype, 'publish')?.value as (
  this: RabbitMqBroker,
  ...args: Parameters<RabbitMqBroker['publish']>
) => ReturnType<RabbitMqBroker['publish']>;
RabbitMqBroker.prototype.publish = function publishAndReport(message) {
  sends.push([message.messageId, nowMs()]);
  return publish.call(this, message);
};

setInterval(() => {
  if (commits.length + sends.length > 0) process.send?.({ commits, sends });
  commits = [];
  sends = [];
}, 250).unref();
