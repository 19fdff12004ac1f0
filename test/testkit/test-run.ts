import { randomBytes } from 'node:crypto';

// One process environment carries the run's name from the global setup to every test file.
const variable = 'TEST_RUN';
const file = randomBytes(4).toString('hex');

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

/** What every Redis key of this test file begins with; no other file and no other run has it. */
export function testRedisPrefix(): string {
  return `${redisPrefixOfRun()}${file}:`;
}

/** What the Redis keys of all test files of this run begin with. */
export function redisPrefixOfRun(): string {
  return `user-service-test:${testRun()}:`;
}

/** What every exchange and queue of this test file begins with; no other file and no other run has it. */
export function testAmqpPrefix(): string {
  return `user-service-test.${testRun()}.${file}.`;
}
