import type { Command } from 'commander';
import { openDatabase } from '../data-source';
import { republish } from '../outbox/republish';
import { parseIdArgument, parseTimeArgument } from './arguments';
import { countOf } from './output';
import { connectLimitMs, withDatabase } from './with-database';

/** Adds `republish`: publishes users' events again with the same ids, for queues that were bound later. */
export function registerRepublishCommand(program: Command): void {
  program
    .command('republish')
    .description(
      'queue users’ events for publishing again with the same ids; the running service publishes them',
    )
    .requiredOption(
      '--since <time>',
      'events from this time on, such as 2026-03-01T00:00:00Z',
      parseTimeArgument,
    )
    .option('--user <id>', 'only events of this user', parseIdArgument)
    .option('--json', 'print a JSON document')
    .action(async ({ since, user, json }: { since: Date; user?: string; json?: true }) => {
      const count = await withDatabase(process.env, async ({ url, log }) => {
        const database = openDatabase(url, log, 1);
        await database.connect(connectLimitMs);
        try {
          let queuedCount = 0;
          return await republish(database, { since, userId: user }, (batchCount) => {
            queuedCount += batchCount;
            process.stderr.write(`${countOf(queuedCount, 'events')}\n`);
          });
        } finally {
          await database.close();
        }
      });
      process.stdout.write(
        json ? `${JSON.stringify({ events: count })}\n` : `${count} to be published again\n`,
      );
    });
}
