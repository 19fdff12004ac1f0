import { type Command, InvalidArgumentError } from 'commander';
import { v5 as uuidv5 } from 'uuid';
import type { Config } from '../config';
import { openDatabase } from '../data-source';
import { createIntake } from '../intake';
import { InProcessRecordCache } from '../redis/in-process-record-cache';
import { createServices } from '../services';
import type { Logger } from '../telemetry/logger';
import { createMetrics } from '../telemetry/metrics';
import { EmailTakenError, UserIdTakenError } from '../users/user.errors';
import type { Caller } from '../users/user-changes';
import { reportProgress } from './progress';
import { demoUser, type Storytellers, tellStory } from './seed-story';
import { withDatabase } from './with-database';

const parallel = 8;
/** Makes the same ids at every run, so that seeding again finds what is there. */
const seedNamespace = '6f1f4a3c-1c5e-5d7b-9a51-3f0f2f5f7c11';
const seeder: Caller = { actor: { id: 'seed', scopes: new Set(['users:write']) }, traceparent: null };

/** Adds `seed`: demo data with a story. It can be killed and run again: what is there already stays as it is. */
export function registerSeedCommand(program: Command): void {
  program
    .command('seed')
    .description('fill the database with demo users, some of them with a story')
    .option('--users <count>', 'how many users there are in the end', parseCount, 50)
    .option('--json', 'print a JSON document')
    .action(async ({ users, json }: { users: number; json?: true }) => {
      if (process.env.NODE_ENV === 'production')
        throw new Error('demo users have no place in production (NODE_ENV)');
      const { created, present } = await withDatabase(process.env, (url, config, log) =>
        seed(url, config, log, users),
      );
      const line = `${created} created, ${present} were there already`;
      process.stdout.write(`${json ? JSON.stringify({ created, present }) : line}\n`);
    });
}

async function seed(url: string, config: Config, log: Logger, count: number) {
  const database = openDatabase(url, log, parallel);
  await database.connect();
  try {
    const metrics = createMetrics();
    const services = createServices({
      database,
      recordCache: new InProcessRecordCache(),
      metrics,
      log,
      authenticationServiceUrl: config.authenticationServiceUrl,
    });
    const waitingDays = config.retention.WAITING_DAYS;
    const { fold, waiting } = createIntake({ database, metrics, log, waitingDays });
    const counts = await seedUsers({ ...services, fold }, count);
    // What waits for the users and orders that are here now is folded in the background.
    await waiting.drain();
    return counts;
  } finally {
    await database.close();
  }
}

async function seedUsers(
  services: Storytellers,
  count: number,
): Promise<{ created: number; present: number }> {
  const progress = reportProgress('users', count);
  let created = 0;
  let next = 0;
  const work = async () => {
    for (let index = next++; index < count; index = next++) {
      const userId = uuidv5(String(index), seedNamespace);
      if (await createOnce(services, userId, index)) created += 1;
      progress.advance();
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  progress.finish();
  return { created, present: count - created };
}

/** False when the user was there already. */
async function createOnce(services: Storytellers, userId: string, index: number): Promise<boolean> {
  try {
    await services.userService.create(seeder, { ...demoUser(index), userId });
  } catch (error) {
    if (error instanceof UserIdTakenError || error instanceof EmailTakenError) return false;
    throw error;
  }
  await tellStory(services, seeder, userId, index);
  return true;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1_000_000) {
    throw new InvalidArgumentError('Say a whole number from 1 to 1000000.');
  }
  return count;
}
