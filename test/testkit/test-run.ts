import { randomBytes } from 'node:crypto';

// The environment passes the run's name from the global setup to the test files.
const variable = 'TEST_RUN';

/** Names a run by its start time. The name is part of everything its tests create in shared services. */
export function beginTestRun(): string {
  const run = `${Math.floor(Date.now() / 1000)}_${randomBytes(3).toString('hex')}`;
  process.env[variable] = run;
  return run;
}

/** The name of the current run. */
export function testRun(): string {
  const run = process.env[variable];
  if (!run)
    throw new Error('This test needs the backing services: it belongs in test/integration or test/contract.');
  return run;
}

/** Returns a new prefix for the Redis keys of one service. */
export function newRedisPrefix(): string {
  return `${redisPrefixOfRun()}${randomBytes(6).toString('hex')}:`;
}

/** The prefix of the Redis keys of all services of this run. */
export function redisPrefixOfRun(): string {
  return `user-service-test:${testRun()}:`;
}

/** Returns a new prefix for the exchanges and queues of one service. */
export function newAmqpPrefix(): string {
  return `user-service-test.${testRun()}.${randomBytes(6).toString('hex')}.`;
}
