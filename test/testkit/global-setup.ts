import 'reflect-metadata';
import { migrate } from '../../src/data-source';
import { createLogger } from '../../src/telemetry/logger';
import { sharedBuild } from './built-checkout';
import { findServices, type TestServices } from './services';
import { createTemplate, dropTestDatabases } from './test-database';
import { beginTestRun } from './test-run';

declare global {
  var testServices: TestServices | undefined;
}

/** Runs once before the first test: finds or starts the backing services and makes the template database. */
async function setUp(): Promise<void> {
  const services = await findServices().catch((error: unknown) => {
    // jest prints the stack; the message alone says what to do.
    if (error instanceof Error) error.stack = error.message;
    throw error;
  });
  globalThis.testServices = services;
  process.env['TEST_DATABASE_URL'] = services.databaseUrl;
  process.env['TEST_DATABASE_SERVER_URL'] = services.databaseServerUrl;
  process.env['TEST_REDIS_URL'] = services.redisUrl;
  process.env['TEST_REDIS_SERVER_URL'] = services.redisServerUrl;
  process.env['TEST_AMQP_URL'] = services.amqpUrl;
  const run = beginTestRun();
  sharedBuild();
  try {
    await dropTestDatabases(services.databaseUrl, run);
    await createTemplate(services.databaseUrl, run, async (url) => {
      await migrate(url, createLogger({ level: 'error' }));
    });
  } catch (error) {
    await services.stop();
    throw error;
  }
}

export = setUp;
