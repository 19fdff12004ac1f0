import { randomBytes } from 'node:crypto';

// One process environment carries the run's name from the global setup to every test file.
const variable = 'TEST_RUN';

/** Begins a run: everything that its tests make in the shared services carries this name and its time. */
export function beginTestRun(): string {
  const run = `${Math.floor(Date.now() / 1000)}_${randomBytes(3).toString('hex')}`;
  process.env[variable] = run;
  return run;
}

/** The name of the run that this test file belongs to. */
export function testRun(): string {
  const run = process.env[variable];
  if (!run)
    throw new Error('This test needs the backing services: it belongs in test/integration or test/contract.');
  return run;
}

/** What the Redis keys of one service begin with: another one each time. */
export function newRedisPrefix(): string {
  return `${redisPrefixOfRun()}${randomBytes(6).toString('hex')}:`;
}

/** What the Redis keys of all services of this run begin with. */
export function redisPrefixOfRun(): string {
  return `user-service-test:${testRun()}:`;
}

/** What the exchanges and queues of one service begin with: another one each time. */
export function newAmqpPrefix(): string {
  return `user-service-test.${testRun()}.${randomBytes(6).toString('hex')}.`;
}
