import { Outbox } from '../src/outbox/outbox';
import '../test/testkit/service-process';

/** When the change behind an event was committed, in milliseconds since 1970. */
export type CommitTimes = [eventId: string, committedAtMs: number][];

// The service as it is, but it tells its parent when each change was committed.
const commits: CommitTimes = [];
const append = Object.getOwnPropertyDescriptor(Outbox.prototype, 'append')?.value as (
  this: Outbox,
  ...args: Parameters<Outbox['append']>
) => Promise<void>;
Outbox.prototype.append = async function appendAndTell(tx, event) {
  tx.afterCommit(() => void commits.push([event.id, performance.timeOrigin + performance.now()]));
  await append.call(this, tx, event);
};
setInterval(() => {
  if (commits.length > 0) process.send?.({ commits: commits.splice(0) });
}, 250).unref();
