import { type Command, InvalidArgumentError } from 'commander';
import { openDatabase } from '../data-source';
import { republish } from '../outbox/republish';
import { parseUserId } from '../users/normalized';
import { withDatabase } from './with-database';

/** Adds `republish`: users' events go out again with the same ids, to whoever is bound by now. */
export function registerRepublishCommand(program: Command): void {
  program
    .command('republish')
    .description('publish users’ events again, with the same ids; the running service sends them')
    .requiredOption('--since <time>', 'events from then on, such as 2026-03-01T00:00:00Z', parseTime)
    .option('--user <id>', 'events of this user only', parseUser)
    .option('--json', 'print a JSON document')
    .action(async ({ since, user, json }: { since: Date; user?: string; json?: true }) => {
      const count = await withDatabase(process.env, async (url, _config, log) => {
        const database = openDatabase(url, log, 1);
        await database.connect();
        try {
          let shown = 0;
          return await republish(database, { since, userId: user }, (more) => {
            shown += more;
            process.stderr.write(`${shown} events\n`);
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

function parseTime(text: string): Date {
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : new Date(Number.NaN);
  if (Number.isNaN(at.getTime())) throw new InvalidArgumentError('Say for example 2026-03-01T00:00:00Z.');
  return at;
}

function parseUser(text: string): string {
  const id = parseUserId(text);
  if (id === null) throw new InvalidArgumentError('An id is a UUID.');
  return id;
}
