import { type Command, InvalidArgumentError } from 'commander';
import { ArchiveExistsError } from '../audit/archive-replacement';
import { type Archived, ArchiveMismatchError, AuditArchiver, NotOwnerError } from '../audit/audit-archiver';
import type { Config } from '../config';
import { parseTimeArgument } from './arguments';
import { countOf, createProgress } from './output';
import { withUpToDateDatabase } from './with-database';

const dayMs = 24 * 60 * 60 * 1000;

interface ArchiveFlags {
  readonly before: Date;
  readonly json?: true;
}

/** Adds `audit archive`: moves sealed entries to a file. Exits with 1 without the role of the owner. */
export function registerArchiveCommand(audit: Command): void {
  audit
    .command('archive')
    .description('move sealed entries older than a time to a file, which audit verify --file verifies')
    .argument('<file>', 'the new file, NDJSON: keep it as long as the entries must be kept')
    .requiredOption(
      '--before <time>',
      'entries before this time, such as 2026-03-01T00:00:00Z',
      parsePastTime,
    )
    .option('--json', 'print a JSON document')
    .action(async (file: string, { before, json }: ArchiveFlags) => {
      const archived = await archive(file, before);
      if (typeof archived === 'string') {
        process.stderr.write(`${archived}\n`);
        process.exitCode = 1;
        return;
      }
      const { entries, seals, digest } = archived;
      const text = `${countOf(entries, 'entries')}, ${countOf(seals, 'seals')}${digest === null ? '' : `, SHA-256 ${digest}`}`;
      process.stdout.write(`${json ? JSON.stringify({ entries, seals, sha256: digest }) : text}\n`);
    });
}

/** Returns what was archived, or why nothing was. */
function archive(path: string, cutAt: Date): Promise<Archived | string> {
  return withUpToDateDatabase(1, async (database, config) => {
    const latest = config.inactivity && latestCutFor(config.inactivity);
    if (latest && cutAt > latest)
      return `The inactivity policy (RETENTION_INACTIVE_DAYS, INACTIVITY_WARNING_DAYS) needs the changes that users made since ${latest.toISOString()}: choose a time before that`;
    try {
      const archiver = new AuditArchiver(database);
      const progress = createProgress('entries', null);
      const archived = await archiver.archive({ cutAt, path, onEntries: (count) => progress.advance(count) });
      progress.finish();
      return archived;
    } catch (error) {
      if (error instanceof NotOwnerError)
        return `${error.message}: set DATABASE_URL to the role that runs user-service migrate`;
      if (error instanceof ArchiveExistsError) return error.message;
      if (error instanceof ArchiveMismatchError) return `${error.message}; this call removed nothing`;
      throw error;
    }
  });
}

/** Returns the time since which the inactivity policy reads changes of users from the audit trail. */
function latestCutFor({ days, warningDays }: NonNullable<Config['inactivity']>): Date {
  return new Date(Date.now() - (days + warningDays) * dayMs);
}

function parsePastTime(text: string): Date {
  const at = parseTimeArgument(text);
  if (at.getTime() > Date.now()) throw new InvalidArgumentError('Expected a time in the past.');
  return at;
}
