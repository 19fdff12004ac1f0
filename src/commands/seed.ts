import type { Command } from 'commander';
import { ownActorIds } from '../authentication/actor';
import { openDatabase } from '../data-source';
import { createIntake } from '../intake';
import { InProcessRecordCache } from '../redis/in-process-record-cache';
import { createServices } from '../services';
import { createMetrics } from '../telemetry/metrics';
import { EmailTakenError, UserIdTakenError } from '../users/user.errors';
import type { Caller } from '../users/user-changes';
import { countParser } from './arguments';
import { createProgress } from './output';
import { demoUser, type SeedServices, seedActivity, seedUserId } from './seed-story';
import { connectLimitMs, type DatabaseContext, withDatabase } from './with-database';

const parallel = 8;
const seeder: Caller = {
  actor: { id: ownActorIds.seed, scopes: new Set(['users:write']) },
  traceparent: null,
};

/** Adds `seed`: creates demo users with activity. A repeated run leaves existing users unchanged. */
export function registerSeedCommand(program: Command): void {
  program
    .command('seed')
    .description('create demo users, some with orders, preferences and other activity')
    .option('--users <count>', 'number of users after the run', countParser(1_000_000), 50)
    .option('--json', 'print a JSON document')
    .action(async ({ users: userCount, json }: { users: number; json?: true }) => {
      if (process.env.NODE_ENV === 'production')
        throw new Error('seed is for development only (NODE_ENV is production)');
      const { created, present } = await withDatabase(process.env, (context) =>
        seedDemoUsers(context, userCount),
      );
      const line = `${created} created, ${present} existed already`;
      process.stdout.write(`${json ? JSON.stringify({ created, present }) : line}\n`);
    });
}

/**
 * Creates demo users with activity, up to `count`. Existing users stay unchanged.
 *
 * @returns how many were created, and how many existed already
 */
export async function seedDemoUsers(
  { url, config, log }: DatabaseContext,
  count: number,
): Promise<{ created: number; present: number }> {
  const database = openDatabase(url, log, parallel);
  await database.connect(connectLimitMs);
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
    // Events that waited for these users and orders are folded in the background.
    await waiting.drain();
    return counts;
  } finally {
    await database.close();
  }
}

async function seedUsers(
  services: SeedServices,
  count: number,
): Promise<{ created: number; present: number }> {
  const progress = createProgress('users', count);
  let created = 0;
  let next = 0;
  const work = async () => {
    for (let index = next++; index < count; index = next++) {
      if (await createOnce(services, seedUserId(index), index)) created += 1;
      progress.advance();
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  progress.finish();
  return { created, present: count - created };
}

/** Creates the user with activity. Returns false, without adding activity, when the id or e-mail address exists. */
async function createOnce(services: SeedServices, userId: string, index: number): Promise<boolean> {
  try {
    await services.userService.create(seeder, { ...demoUser(index), userId });
  } catch (error) {
    if (error instanceof UserIdTakenError || error instanceof EmailTakenError) return false;
    throw error;
  }
  await seedActivity(services, { caller: seeder, userId, index });
  return true;
}
