import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseUserId } from '../users/normalized';
import type { ListedStatus, ListedUser, UserDirectory } from '../users/user-directory';
import { print } from './print';
import { reportProgress } from './progress';
import { operator, withServices } from './with-services';

const pageSize = 500;
const everyStatus: readonly ListedStatus[] = ['ACTIVE', 'DEACTIVATED'];

interface ExportAllFlags {
  readonly status?: ListedStatus;
  readonly after?: string;
}

/** Adds `export-all`: all users as NDJSON that `import` reads back, by id. Ended early, `--after` goes on. */
export function registerExportAllCommand(program: Command): void {
  program
    .command('export-all')
    .description(
      'print all users, one JSON document a line, as import reads them; each is in the audit trail',
    )
    .addOption(new Option('--status <status>', 'users with this status only').choices(everyStatus))
    .option('--after <id>', 'go on after this user: the userId of the last line that arrived', parseId)
    .option('--json', 'as without it: a JSON document a line')
    .action(async ({ status, after }: ExportAllFlags) => {
      const statuses = status ? [status] : everyStatus;
      await withServices(process.env, ({ userDirectory }) =>
        exportAll(userDirectory, statuses, after ?? null),
      );
    });
}

async function exportAll(
  directory: UserDirectory,
  statuses: readonly ListedStatus[],
  begin: string | null,
): Promise<void> {
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const progress = reportProgress('users', await directory.count(statuses));
  let count = 0;
  let after = begin;
  let isEnd = false;
  while (!isEnd && !stopped) {
    const users: ListedUser[] = await directory.list(operator, statuses, after, pageSize);
    if (users.length > 0) await print(users.map((user) => JSON.stringify(user)).join('\n'));
    after = users.at(-1)?.userId ?? after;
    isEnd = users.length < pageSize;
    count += users.length;
    progress.advance(users.length);
  }
  progress.finish();
  process.stderr.write(`${count} exported\n`);
  if (isEnd) return;
  process.stderr.write(`stopped before the end: go on with --after ${after}\n`);
  process.exitCode = 1;
}

function parseId(text: string): string {
  const id = parseUserId(text.trim());
  if (id === null) throw new InvalidArgumentError('An id is a UUID.');
  return id;
}
