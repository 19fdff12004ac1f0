import { type Command, Option } from 'commander';
import { keysetStart } from '../postgres/keyset';
import type { ListedStatus, ListedUser, UserDirectory } from '../users/user-directory';
import { parseIdArgument } from './arguments';
import { createProgress, printLine } from './output';
import { operator, withServices } from './with-services';

const pageSize = 500;
const everyStatus: readonly ListedStatus[] = ['ACTIVE', 'DEACTIVATED'];

interface ExportAllFlags {
  readonly status?: ListedStatus;
  readonly after?: string;
}

/** Adds `export-all`: prints all users ordered by id, as NDJSON for `import`. `--after` resumes a stopped run. */
export function registerExportAllCommand(program: Command): void {
  program
    .command('export-all')
    .description('print all users in the format of import, one JSON document a line; audited for each user')
    .addOption(new Option('--status <status>', 'only users with this status').choices(everyStatus))
    .option('--after <id>', 'resume after this user: the userId of the last line received', parseIdArgument)
    .option('--json', 'no effect: the output is always one JSON document a line')
    .action(async ({ status, after }: ExportAllFlags) => {
      const statuses = status ? [status] : everyStatus;
      await withServices(process.env, ({ services: { userDirectory } }) =>
        exportAll(userDirectory, statuses, after ?? keysetStart.id),
      );
    });
}

/** Prints the users with ids after `afterId`. Sets the exit code to 1 if a signal stopped it before the last user. */
async function exportAll(
  directory: UserDirectory,
  statuses: readonly ListedStatus[],
  afterId: string,
): Promise<void> {
  // A signal ends the run after the current page, so that the last printed id is known.
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const progress = createProgress('users', await directory.count(statuses));
  let exportedCount = 0;
  let after = afterId;
  let isEnd = false;
  while (!isEnd && !stopped) {
    const users: ListedUser[] = await directory.list(operator, { statuses, after, limit: pageSize });
    if (users.length > 0) await printLine(users.map((user) => JSON.stringify(user)).join('\n'));
    after = users.at(-1)?.userId ?? after;
    isEnd = users.length < pageSize;
    exportedCount += users.length;
    progress.advance(users.length);
  }
  progress.finish();
  process.stderr.write(`${exportedCount} exported\n`);
  if (isEnd) return;
  process.stderr.write(`stopped before the end: resume with --after ${after}\n`);
  process.exitCode = 1;
}
